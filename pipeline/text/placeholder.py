"""The character that stands for a hidden word in altered texts."""

# Until a tokenizer puts its own mask token there. Cleaning removes the private-use characters of a
# user's texts, so it cannot occur in them.
MASK = "\ue000"
