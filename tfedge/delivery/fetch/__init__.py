"""The client: what was signed, from a repository to an app, over a network that breaks and lies."""
