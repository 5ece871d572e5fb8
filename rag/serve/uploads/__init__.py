"""Documents from clients: received, read in a process of their own, and added to the index."""
