"""What people read of a release: the page, the card, and the sections that both are made from."""
