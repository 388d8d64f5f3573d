"""Streaming transducers of a folder, by sherpa-onnx."""
