"""The stages that `scripts/train_embedder` runs, one module each, in order."""
