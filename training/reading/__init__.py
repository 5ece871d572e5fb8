"""Training of a span reader: places of answers, batches of whole questions, losses, evaluation, calibration."""
