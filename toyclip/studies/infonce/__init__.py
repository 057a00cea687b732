"""The loss of CLIP done wrong, for the checks to catch (chapter The loss)."""
