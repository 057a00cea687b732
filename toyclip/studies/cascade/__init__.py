"""A third modality, sound, tied to pictures alone, and what it has to do with words (chapter The cascade)."""
