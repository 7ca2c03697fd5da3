"""Spectrograms, which tf_keras has from the bridge: loud and quiet places, kept in float."""

from tfedge.compress.layers import facts

_SPECTROGRAM = facts.Layer(hears=True, twin=facts.Twin(ours="bridge.spectrograms"))

LAYERS = {"MelSpectrogram": _SPECTROGRAM, "STFTSpectrogram": _SPECTROGRAM}
