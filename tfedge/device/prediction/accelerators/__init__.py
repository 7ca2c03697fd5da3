"""Latency on the neural accelerators of phones and boards, from the operators of a file."""
