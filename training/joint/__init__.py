"""Training of the joint reader and reranker: the small network that :mod:`retrievers.joint` runs."""
