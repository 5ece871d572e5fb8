"""Benchmarks: each is a command that prints what it measured. None is run by the tests."""
