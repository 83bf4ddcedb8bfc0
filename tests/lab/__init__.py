"""The lab: a province on one machine, and the devices that tests speak to."""
