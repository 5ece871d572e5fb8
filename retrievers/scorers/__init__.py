"""Scorers of (question, passage) pairs, each usable as the model of a cross-encoder compressor."""
