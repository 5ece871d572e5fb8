"""Documents in, chunks out: readers of files, sections, the sentence-aware and the semantic chunker, small-to-big."""
