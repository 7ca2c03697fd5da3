"""Decide whether a candidate may ship, and ship it."""
