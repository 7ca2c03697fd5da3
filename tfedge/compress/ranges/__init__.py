"""The integer ranges of activations, and what one range cannot serve."""
