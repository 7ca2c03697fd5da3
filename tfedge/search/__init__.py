"""Finding the recipe: which techniques, at which strength, for this model, data and phone.

`space` says what may be tried, `measuring` tries one recipe on validation examples, `proposing`
says which to try next, `study` remembers all of them, `front` chooses, `searching` is the loop.
"""
