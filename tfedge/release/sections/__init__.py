"""What the report and the model card tell of, one file for each part of it."""
