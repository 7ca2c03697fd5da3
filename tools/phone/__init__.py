"""A model on a real phone: in its browser, or natively through benchmark_model."""
