"""Exports: one format a trainer reads, one module a kind of row."""
