"""LeakyReLU: one slope for all that is negative."""

from tfedge.compress.layers import facts, flows

LAYERS = {
    "LeakyReLU": facts.Layer(
        channels=flows.same,
        scales=True,
        limit=lambda layer: None,
        has_int8=True,
        twin=facts.Twin(renamed={"alpha": "negative_slope"}),
    )
}
