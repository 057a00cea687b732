"""Frequency and generation: a small text-to-image model (chapter Generation)."""
