"""The index as a server of the Model Context Protocol: ``python -m rag.mcp --index DIR``."""
