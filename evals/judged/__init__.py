"""Metrics that a language model judges, through ragas with Russian prompts: ``python -m evals.judged``."""
