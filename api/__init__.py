"""The outside of Dophu: command line, HTTP API, pages and rounds; the only package that may import all others."""
