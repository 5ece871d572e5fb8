"""Generators: prompted language models and the offline extractive reader, all runnables over a ReadingTask."""
