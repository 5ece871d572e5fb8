"""Multi-step questions: planned, searched step by step, answered from evidence, with every step on record."""
