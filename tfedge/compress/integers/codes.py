"""The integers that stand for weights."""

INT8_MAX = 127  # symmetric, narrow range: -128 is not used for weights
