"""Experiments as files: what is run in which order, on what, and which figures were published for it."""
