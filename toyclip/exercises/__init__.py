"""Checks of the reader's own answers to the exercises: a module a chapter, imported by notebooks alone."""
