"""The index over HTTP: ``python -m rag.serve --index DIR``."""
