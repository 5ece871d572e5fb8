"""Public data sets made into evaluation files: ``python -m evals.datasets SOURCE … --out DIR``."""
