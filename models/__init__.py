"""Reference networks: one file each, `build(input_shape, classes)`."""
