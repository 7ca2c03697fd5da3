"""Named recipes: `--recipe=balanced` runs the function of that name."""

from tfedge.compress.passes import cluster, prune, quantize
from tfedge.compress.recipe import Recipe


def balanced() -> Recipe:
    """Half the weights zero, 16 values a channel, int8.

    A download about a third of post-training int8, without loss on the reference networks.
    """
    return Recipe(
        (
            prune.Prune(final_sparsity=0.5),
            cluster.Cluster(number_of_clusters=16),
            quantize.Quantize(),
        )
    )
