"""Layers and operations that outside of training only move values and make no new ones."""

LAYERS = (
    *("Reshape", "Flatten", "Permute", "RepeatVector", "SlicingOpLambda", "Identity"),
    *("Cropping1D", "Cropping2D", "ActivityRegularization", "AlphaDropout"),
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout"),
)
# Of `keras.ops`; LiteRT's have one integer scale for what goes in and all that comes out.
OPERATIONS = (
    *("get_item", "reshape", "ravel", "transpose", "swapaxes", "moveaxis", "expand_dims"),
    *("squeeze", "split", "unstack", "take", "repeat", "tile", "broadcast_to"),
)
# Of scales of their own: of several tensors, of other types, and LiteRT's REVERSE_V2.
JOINING_LAYERS = ("Concatenate",)
OTHER_OPERATIONS = ("concatenate", "stack", "cast", "flip")
