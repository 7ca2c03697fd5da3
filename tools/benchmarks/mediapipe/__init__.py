"""MediaPipe beside tfedge: its environment, and what its ImageClassifier says to pictures."""
