"""Chroma: embedded in the process, or a server."""
