"""Named recipes: `--recipe=balanced` runs the function of that name, however it is written.

Numbers are of networks in models/ on Fashion-MNIST's 10,000 held-out images; README has the
tables. Download is the deflated file, packed the losslessly packed one.
"""

from tfedge.compress.passes import cluster, distill, prune, quantize, slim
from tfedge.compress.recipe import Recipe


def quick() -> Recipe:
    """Post-training int8: nothing is trained, seconds.

    Expect a quarter of the float file: ds_cnn 91.0 % of 91.08 % in 28.3 KB of 78.2 KB download.
    """
    return Recipe()


def balanced() -> Recipe:
    """Half the weights zero, where it costs least, 16 values a channel, int8.

    Expect a download of about 55 % of post-training int8's: on ds_cnn and Fashion-MNIST 15.7 KB
    of 28.3 KB, at 90.88 % of 91.08 %.
    """
    return Recipe(
        (
            prune.Prune(final_sparsity=0.5, distribution="lamp"),
            cluster.Cluster(number_of_clusters=16),
            quantize.Quantize(),
        )
    )


def smallest() -> Recipe:
    """Nine of ten weights zero, learning from the model itself; for networks with much to spare.

    Expect a fortieth of the float file once it is packed: lenet5 91.67 % of 91.89 % in 41.6 KB
    packed (60.5 KB download) of 1.73 MB.
    """
    return Recipe(
        (
            distill.Distill(),
            prune.Prune(final_sparsity=0.9, distribution="lamp", epochs=12),
            cluster.Cluster(number_of_clusters=16, epochs=4),
            quantize.Quantize(epochs=4),
        )
    )


def fastest() -> Recipe:
    """Half the multiply-adds cut with whole channels, learning from the model itself, int8.

    Expect no loss where there is room: resnet8 92.69 % of 92.56 %, a file of 46.8 KB of the 86.4 KB
    that int8 alone has.
    """
    return Recipe(
        (
            distill.Distill(),
            slim.Slim(reduction=0.5, epochs=12, learning_rate=2e-3),
            quantize.Quantize(),
        )
    )


def int4() -> Recipe:
    """4-bit kernels, 8-bit activations: smaller than int8, not faster.

    Expect about half of int8's file: resnet8 92.45 % of 92.56 % in 47.8 KB of 86.4 KB.
    """
    return Recipe((distill.Distill(), quantize.Quantize(bits=4)))


def pqat() -> Recipe:
    """Sparsity-preserving quantization-aware training: prune half, then int8.

    Expect ds_cnn at 90.85 % of 91.08 % in a download of 19.7 KB, 15.8 KB packed.
    """
    return Recipe((prune.Prune(final_sparsity=0.5), quantize.Quantize()))


def cqat() -> Recipe:
    """Cluster-preserving quantization-aware training: 16 values a channel, then int8.

    Expect ds_cnn at 90.67 % of 91.08 % in a download of 18.6 KB, 12.7 KB packed.
    """
    return Recipe((cluster.Cluster(number_of_clusters=16), quantize.Quantize()))


def pcqat() -> Recipe:
    """Sparsity- and cluster-preserving quantization-aware training.

    Expect ds_cnn at 90.64 % of 91.08 % in a download of 15.9 KB, 10.5 KB packed; `balanced`, which
    chooses where the zeros go, loses less.
    """
    return Recipe(
        (
            prune.Prune(final_sparsity=0.5),
            cluster.Cluster(number_of_clusters=16),
            quantize.Quantize(),
        )
    )
