"""What follows from a machine's facts: until when its system is supported, how far it is patched, what to review."""
