"""What Keras 3 lacks of tf_keras, for Keras 3. Imports Keras 3; import it only on the way there."""

from tfedge.compress import keras

_keras3 = keras.keras3()


@_keras3.saving.register_keras_serializable("tfedge")
def hard_sigmoid_line(x):
    """`clip(0.2 x + 0.5, 0, 1)`: what tf_keras means by hard_sigmoid."""
    return _keras3.ops.clip(_keras3.ops.add(_keras3.ops.multiply(x, 0.2), 0.5), 0.0, 1.0)
