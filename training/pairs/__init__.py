"""Training pairs from a plain corpus: by its structure, by rules of language, and by a chat model."""
