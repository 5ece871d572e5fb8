"""From a question to what the service answers: what is asked, searched, read, cited and said of it on the way."""
