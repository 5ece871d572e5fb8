"""Questions written by a chat model over the passages of a corpus, and what is let through of them."""
