"""Multi-step evaluation questions: composed of single facts, checked against the pages, read by a person."""
