"""Trained models to ONNX, which the pipeline runs without torch, with a report of what the way there changed."""
