"""`x[:, 1:]` as tf_keras has it; how channels go through it is known of the operation."""

from tfedge.compress.layers import facts

LAYERS = {"SlicingOpLambda": facts.Layer(moves=True, has_int8=True, keeps_range=True)}
