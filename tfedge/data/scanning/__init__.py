"""One pass over the inputs of a split, and what it keeps of them."""
