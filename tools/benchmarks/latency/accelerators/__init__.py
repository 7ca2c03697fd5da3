"""Neural accelerators: the published networks as operators, the fit and how good it is."""
