"""Tools for a reader's own CLIP: each takes captions, a loss, a table or a model and answers one question about it."""
