"""Hard negatives: passages that an index finds for a question and that do not answer it."""
