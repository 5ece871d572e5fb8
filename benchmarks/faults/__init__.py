"""Faults on purpose: what is left of an index when its writer dies, or the disk refuses, at any of its writes."""
