"""Keras 3's layers from sound to spectrogram, for tf_keras: computed by Keras 3's own code.

Keras 3 computes with TensorFlow here, so its layers run on the tensors of tf_keras and the outputs
are equal to the bit. The layers hold nothing to compress; LiteRT computes them in float.
"""

from typing import Any

from tfedge.compress import keras


@keras.tf_keras.saving.register_keras_serializable("tfedge")
class MelSpectrogram(keras.tf_keras.layers.Layer):
    """(..., samples) -> (..., mel bins, frames); the arguments are those of Keras 3's layer."""

    def __init__(
        self,
        *,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: str | None = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.settings = {
            "fft_length": fft_length,
            "sequence_stride": sequence_stride,
            "sequence_length": sequence_length,
            "window": window,
            "sampling_rate": sampling_rate,
            "num_mel_bins": num_mel_bins,
            "min_freq": min_freq,
            "max_freq": max_freq,
            "power_to_db": power_to_db,
            "top_db": top_db,
            "mag_exp": mag_exp,
            "min_power": min_power,
            "ref_power": ref_power,
        }

    def call(self, inputs):
        """The spectrogram."""
        return keras.keras3().layers.MelSpectrogram(**self.settings).call(inputs)

    def get_config(self):
        """JSON, enough to make the layer again."""
        return {**super().get_config(), **self.settings}


@keras.tf_keras.saving.register_keras_serializable("tfedge")
class STFTSpectrogram(keras.tf_keras.layers.Layer):
    """(batch, samples, channels) -> frames and frequencies; arguments as of Keras 3's layer."""

    def __init__(
        self,
        *,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: str | None = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.settings = {
            "mode": mode,
            "frame_length": frame_length,
            "frame_step": frame_step,
            "fft_length": fft_length,
            "window": window,
            "periodic": periodic,
            "scaling": scaling,
            "padding": padding,
            "expand_dims": expand_dims,
        }

    def build(self, input_shape):
        """Makes the waves that frames are multiplied by, those that the mode asks for."""
        bins = self._of_keras3()._fft_length // 2 + 1
        shape, mode = (self.settings["frame_length"], 1, bins), self.settings["mode"]
        if mode != "imag":
            self.real_kernel = self.add_weight("real_kernel", shape)
        if mode != "real":
            self.imag_kernel = self.add_weight("imag_kernel", shape)
        super().build(input_shape)

    def call(self, inputs):
        """The spectrogram."""
        layer = self._of_keras3()
        for name in ("real_kernel", "imag_kernel"):
            if hasattr(self, name):
                setattr(layer, name, getattr(self, name))
        return layer.call(inputs)

    def get_config(self):
        """JSON, enough to make the layer again."""
        return {**super().get_config(), **self.settings}

    def _of_keras3(self) -> Any:
        return keras.keras3().layers.STFTSpectrogram(**self.settings)
