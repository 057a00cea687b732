"""Frequency dealt out by chance, and what becomes of its effect (chapter Frequency)."""
