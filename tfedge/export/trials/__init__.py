"""Runs of a finished file before it leaves, and what is compared."""
