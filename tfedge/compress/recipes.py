"""Named recipes: `--recipe=balanced` means the text of that name, however it is written.

Numbers are of networks in models/ on Fashion-MNIST's 10,000 held-out images; docs/results.md has
the tables. Download is the deflated file, packed the losslessly packed one.
"""

import dataclasses
from collections.abc import Collection

from tfedge import errors, settings


@dataclasses.dataclass(frozen=True)
class Named:
    """A recipe that has a name.

    Attributes:
        text: the passes.
        help: what it is for, and what to expect of it.
    """

    text: str
    help: str


RECIPES = {
    "quick": Named(
        "",
        "Post-training int8: nothing is trained, seconds. Expect a quarter of the float file: "
        "ds_cnn 91.0 % of 91.08 % in 28.3 KB of 78.2 KB download.",
    ),
    "balanced": Named(
        'prune(final_sparsity=0.5, distribution="lamp"), cluster(number_of_clusters=16), quantize',
        "Half the weights zero, where it costs least, 16 values a channel, int8. Expect a "
        "download of about 55 % of post-training int8's: on ds_cnn and Fashion-MNIST 15.9 KB of "
        "28.3 KB, at 90.6 to 90.9 % of 91.08 % in three runs.",
    ),
    "smallest": Named(
        'distill, prune(final_sparsity=0.9, distribution="lamp", epochs=12), '
        "cluster(number_of_clusters=16, epochs=4), quantize(epochs=4)",
        "Nine of ten weights zero, learning from the model itself; for networks with much to "
        "spare. Expect a fortieth of the float file once it is packed: lenet5 91.67 % of 91.89 % "
        "in 41.6 KB packed (60.5 KB download) of 1.73 MB.",
    ),
    "fastest": Named(
        "distill, slim(reduction=0.5, epochs=12, learning_rate=2e-3), quantize",
        "Half the multiply-adds cut with whole channels, learning from the model itself, int8. "
        "Expect no loss where there is room: resnet8 92.69 % of 92.56 %, a file of 46.8 KB of the "
        "86.4 KB that int8 alone has.",
    ),
    "int4": Named(
        "distill, quantize(bits=4)",
        "4-bit kernels, 8-bit activations: smaller than int8, not faster. Expect about half of "
        "int8's file: resnet8 92.45 % of 92.56 % in 47.8 KB of 86.4 KB.",
    ),
    "pqat": Named(
        "prune(final_sparsity=0.5), quantize",
        "Sparsity-preserving quantization-aware training: prune half, then int8. Expect ds_cnn at "
        "90.85 % of 91.08 % in a download of 19.7 KB, 15.8 KB packed.",
    ),
    "cqat": Named(
        "cluster(number_of_clusters=16), quantize",
        "Cluster-preserving quantization-aware training: 16 values a channel, then int8. Expect "
        "ds_cnn at 90.67 % of 91.08 % in a download of 18.6 KB, 12.7 KB packed.",
    ),
    "pcqat": Named(
        "prune(final_sparsity=0.5), cluster(number_of_clusters=16), quantize",
        "Sparsity- and cluster-preserving quantization-aware training. Expect ds_cnn at 90.64 % "
        "of 91.08 % in a download of 15.9 KB, 10.5 KB packed; `balanced`, which chooses where the "
        "zeros go, loses less.",
    ),
    # What the pipelines do without a model: 12,000 parameters on 1,137 images need more epochs.
    "embedded": Named(
        'prune(final_sparsity=0.5, distribution="lamp", epochs=12), '
        "cluster(number_of_clusters=16, epochs=8), quantize(epochs=8)",
        "`balanced` with more epochs, for the small digits network that tfedge ships.",
    ),
}


def is_name(text: str) -> bool:
    """Whether a recipe is written as the name of one."""
    return text.strip().lower() in RECIPES


def find(name: str, others: Collection[str] = ()) -> Named:
    """A recipe by its name, in whatever case.

    Args:
        name: as it was written.
        others: names that stand for something else, for the hint.

    Raises:
        BadInput: there is none, with the nearest name there is.
    """
    if name.lower() in RECIPES:
        return RECIPES[name.lower()]
    raise errors.BadInput(
        f"recipe {name!r}",
        "no recipe or pass has this name",
        settings.nearest(name, {*RECIPES, *others}),
    )
