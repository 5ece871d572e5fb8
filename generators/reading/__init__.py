"""Steps of the offline reader: parse, understand the question, propose spans, describe, rank and word them."""
