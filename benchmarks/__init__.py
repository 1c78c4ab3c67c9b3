"""What prints the figures that the pages quote; nothing of the pipeline depends on it."""
