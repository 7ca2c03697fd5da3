"""How far a student is from its teacher: one loss for each thing there is to imitate.

Every loss is (what the teacher showed, what the student shows) -> scalar, near 1 for two that
have nothing in common, so that they can be added.
"""

from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.data.answers import Answers

_SMALLEST = 1e-7  # of a probability, before its logarithm is taken


def scores(outputs: k.Tensor, said: Answers, logits: bool) -> k.Tensor:
    """A model's outputs as logits; those that are no scores of classes as they are.

    Args:
        outputs: of a model.
        said: what they say.
        logits: whether outputs are logits already.
    """
    if logits or not said.are_scores:
        return outputs
    found = tf.math.log(tf.maximum(outputs, _SMALLEST))
    if said is Answers.YES_OR_NO:
        return found - tf.math.log(tf.maximum(1 - outputs, _SMALLEST))
    return found


def divergence(
    wanted: k.Tensor,
    found: k.Tensor,
    temperature: float,
    independent: bool,
    weights: k.Tensor | None = None,
) -> k.Tensor:
    """Of the softened distributions: T^2 KL(softmax(teacher / T) || softmax(student / T)).

    Hinton et al. 2015, arXiv:1503.02531.

    Args:
        wanted: teacher's logits, classes last.
        found: student's.
        temperature: T.
        independent: whether each logit is a yes or no of its own (a sigmoid's, not a softmax').
        weights: how much each example, or each of its decisions, counts; None counts all alike.
    """
    wanted, found = wanted / temperature, found / temperature
    if not independent:
        yes = tf.exp(tf.nn.log_softmax(wanted))
        apart = tf.reduce_sum(yes * (tf.nn.log_softmax(wanted) - tf.nn.log_softmax(found)), axis=-1)
        return temperature**2 * _mean(apart, weights)
    apart = sum(
        tf.sigmoid(sign * wanted)
        * (tf.math.log_sigmoid(sign * wanted) - tf.math.log_sigmoid(sign * found))
        for sign in (1, -1)
    )
    return temperature**2 * _mean(apart, weights)


def squared_error(
    wanted: k.Tensor, found: k.Tensor, free_level: bool, weights: k.Tensor | None = None
) -> k.Tensor:
    """Of scores, Ba & Caruana 2013, arXiv:1312.6184.

    Args:
        wanted: teacher's scores, classes last.
        found: student's.
        free_level: whether a number added to all of an example's scores means nothing, as
            before a softmax; then it costs nothing.
        weights: see `divergence`.
    """
    apart = found - tf.reshape(wanted, tf.shape(found))
    if free_level:
        apart -= tf.reduce_mean(apart, axis=-1, keepdims=True)
    return _mean(tf.square(apart), weights)


def _mean(values: k.Tensor, weights: k.Tensor) -> k.Tensor:
    if weights is None:
        return tf.reduce_mean(values)
    for _ in range(values.shape.rank - weights.shape.rank):
        weights = weights[..., tf.newaxis]
    return tf.reduce_mean(values * weights)


def feature_error(wanted: k.Tensor, found: k.Tensor) -> k.Tensor:
    """Squared error of features as a share of the teacher's own mean square.

    Romero et al. 2014, "FitNets", arXiv:1412.6550.
    """
    return tf.reduce_mean(tf.square(found - wanted)) / (tf.reduce_mean(tf.square(wanted)) + 1e-6)


def attention(features: k.Tensor) -> k.Tensor:
    """(batch, places): where features are strong, of length 1.

    The sum of squares over channels, Zagoruyko & Komodakis 2016, arXiv:1612.03928.
    """
    energy = tf.reduce_sum(tf.square(features), axis=-1)
    places = tf.reshape(energy, (tf.shape(energy)[0], energy.shape[1:].num_elements()))
    return tf.math.l2_normalize(places, axis=-1)


def attention_error(wanted: k.Tensor, found: k.Tensor) -> k.Tensor:
    """Squared distance of two attention maps, mean of the batch."""
    return tf.reduce_mean(tf.reduce_sum(tf.square(found - wanted), axis=-1))


def map_divergence(wanted: k.Tensor, found: k.Tensor) -> k.Tensor:
    """KL(teacher || student) of shares along the last axis, mean of all before it.

    Of attention maps: Sun et al. 2020, "MobileBERT", arXiv:2004.02984.
    """
    logs = [tf.math.log(tf.maximum(shares, _SMALLEST)) for shares in (wanted, found)]
    return tf.reduce_mean(tf.reduce_sum(wanted * (logs[0] - logs[1]), axis=-1))
