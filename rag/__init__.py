"""Question answering over Russian documents: reading, indexing, the answering chain and its commands."""
