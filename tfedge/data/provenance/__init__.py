"""Where examples come from, which they are, and whether training has seen them."""
