"""Models that rank a passage and read it in one forward pass: relevance, and where an answer starts and ends."""
