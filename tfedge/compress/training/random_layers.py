"""Random numbers of Dropout, noise and other layers, so that a resumed training draws the same.

By default such a layer draws by an operator that counts for itself, and nobody can read how far it
is. A generator counts in a variable, which is kept with the others of a training.
"""

from tfedge.compress import keras as k


def counters(model: k.Model) -> tuple[k.Variable, ...]:
    """Has all layers draw from generators from now on.

    Args:
        model: not traced yet. Seeds are those of its layers, or drawn by
            `tf_keras.utils.set_random_seed`.

    Returns:
        The variables that say how far each generator is.
    """
    found = [
        layer._random_generator
        for layer in model._flatten_layers()
        if hasattr(layer, "_random_generator")
    ]
    for each in found:
        each._set_rng_type(each.RNG_STATEFUL)
        each._built = False  # or it would go on with what it has
        each._maybe_init()
    return tuple(each._generator.state for each in found)
