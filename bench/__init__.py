"""Benchmarks: each module measures one thing beside its limit in the same run, and prints one JSON object."""
