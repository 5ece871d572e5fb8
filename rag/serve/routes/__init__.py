"""The routes of a service, one module for each thing that can be asked of it."""
