"""The command ``python -m rag.ask``."""
