"""What prints the figures that the README quotes; nothing of the pipeline depends on it."""
