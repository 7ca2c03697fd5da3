"""Programs that make this project's own figures and watch over its code."""
