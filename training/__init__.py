"""Training: fitting the parts of a pipeline on one's own data, and putting the result back into it."""
