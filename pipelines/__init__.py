"""Pipeline scripts: absl flags, one call, JSON and an exit code."""
