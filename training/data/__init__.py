"""Training data: public formats as examples, splits by document, leaks and duplicates, sampled negatives."""
