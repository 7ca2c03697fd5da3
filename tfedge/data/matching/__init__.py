"""Do a model and data belong together? Shapes, kinds, scales."""
