"""Pairs of a colour and a shape that were never seen together (chapter Composition)."""
