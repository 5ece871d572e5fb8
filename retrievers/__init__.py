"""Retrievers for Russian text: BM25, TF-IDF, dense, hybrid and coverage-aware, and the cross-encoder compressor."""
