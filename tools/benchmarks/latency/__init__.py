"""The predictor of latencies: its table, its fit, and what it measures of this computer."""
