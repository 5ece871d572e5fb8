"""Evaluation: retrieval by document, answers in Russian."""
