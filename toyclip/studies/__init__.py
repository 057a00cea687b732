"""Studies too long for a chapter, a folder for each chapter that needs more than the core."""
