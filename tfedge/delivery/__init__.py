"""A release to installations over a network that nobody trusts: TUF, and sealed models.

A publisher turns releases into a folder, signed as The Update Framework says, that any web server
or bucket hands out; a client takes from it what was signed. docs/delivery_format.md says what is in
the folder. Nothing here needs TensorFlow.
"""
