"""Tests and intervals over paired answers, resampled metrics, and families of groups."""
