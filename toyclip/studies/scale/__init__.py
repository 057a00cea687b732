"""The chapter From the toy to CLIP: what each step towards the real one buys."""
