"""Russian prompts: templates as files, a typed builder for each family of models, retrieved text fenced off as data."""
