"""toyclip: CLIP small enough to hold in the head.

The modules are read in the order of the book's chapters: data and pictures, encoders, infonce, zero_shot, train,
geometry, study; then frequency with interventions, trend, tagger, models, grid, composition and priming; then speedrun
and scale with what serves them.
"""
