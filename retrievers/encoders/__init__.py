"""Encoders: texts to vectors, each a LangChain ``Embeddings``."""
