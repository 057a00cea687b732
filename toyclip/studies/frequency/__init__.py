"""Frequency dealt out by chance, and what becomes of its effect (chapters Lots, Variety)."""
