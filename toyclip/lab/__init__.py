"""How a study is run, stored, found stale and checked; knows nothing of CLIP."""
