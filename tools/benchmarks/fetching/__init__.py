"""What `fetch_trials` breaks: a repository, its installations, and how each of them ends."""
