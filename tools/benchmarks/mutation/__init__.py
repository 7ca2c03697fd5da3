"""Small changes to the code, and whether a test notices them."""
