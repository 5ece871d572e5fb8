"""Which models there are: what was trained or added under a root, and what ships inside the packages."""
