"""Tools for a CLIP of one's own: its captions, its loss, its accuracies, its model."""
