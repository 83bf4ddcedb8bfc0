"""Measurements of speed and memory, each printed beside its limit: run one as `python -m bench.NAME`."""
