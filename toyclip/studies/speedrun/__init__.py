"""How fast the same model can be trained (chapter Speedrun)."""
