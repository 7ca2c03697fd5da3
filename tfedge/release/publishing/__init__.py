"""Release folders: written whole, exchanged in one step, recognised, read back."""
