"""The wire: one module = one protocol, and the only seam between collectors and devices."""
