"""The command ``python -m evals.run``: measure variants of the pipeline on one evaluation file."""
