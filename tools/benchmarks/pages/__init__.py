"""A page that fetches its models, in headless Chromium, over a repository with faults."""
