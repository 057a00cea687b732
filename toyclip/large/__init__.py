"""Many processes, large data: one model trained by several processes, from shards, with checkpoints (a wing)."""
