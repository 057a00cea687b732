"""Tools for a CLIP of your own: its captions, its loss, its accuracies, its architecture (how-to *Your own CLIP*)."""
