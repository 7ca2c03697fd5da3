"""Which side of a split an example is on."""
