"""Inputs that nobody meant: the parsers of the toolkit under a million of them; errors, time and memory are watched."""
