"""Integer codes of weights and the scales they stand for."""
