"""Parts of a model that stay float, exported apart and joined again."""
