"""How much of CLIP is in the data, the encoders, the loss (closing chapter)."""
