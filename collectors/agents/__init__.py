"""What agents' inventories look like on the wire, and what they say of a machine."""
