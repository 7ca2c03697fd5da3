"""Runs the generated code of apps: over stubs of the runtimes, and in Chromium."""
