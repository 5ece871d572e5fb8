"""A small network that reads a question and a passage together: is the passage relevant, and where is the answer."""
