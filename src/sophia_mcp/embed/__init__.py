"""Text to vectors: one seam of providers, quantised rows, a cache by content, batches."""
