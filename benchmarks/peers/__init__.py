"""Quality and speed beside what a user would pick instead; see ``python -m benchmarks.peers --help``."""
