"""What the trained model has learned, and from what (chapter Zero-shot)."""
