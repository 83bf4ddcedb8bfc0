"""Recordings of devices: walking an unknown one, scrubbing what tells of people and places, and replaying it."""
