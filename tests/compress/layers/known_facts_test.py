"""What is known of each layer class that there is today; a new one need not be named here."""

import dataclasses

import pytest

from tfedge.compress.layers import facts

_CLASSES = """
Activation ActivityRegularization Add AlphaDropout Average AveragePooling1D AveragePooling2D
BatchNormalization Bidirectional CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D
Conv2DTranspose Conv3D Conv3DTranspose Cropping1D Cropping2D Dense DepthwiseConv1D
DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding Flatten FlaxLayer GRU GaussianDropout
GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D
GlobalMaxPooling2D GroupedQueryAttention Identity InputLayer JaxLayer LSTM Lambda
LayerNormalization LayerScale
LeakyReLU MaxPooling1D MaxPooling2D Maximum MelSpectrogram Minimum MultiHeadAttention Multiply
Normalization PReLU Permute PositionBias RMSNormalization RNN RandomBrightness RandomContrast
RandomCrop RandomFlip RandomHeight RandomRotation RandomTranslation RandomWidth RandomZoom ReLU
RepeatVector Rescaling Reshape Resizing STFTSpectrogram SeparableConv1D SeparableConv2D
SimpleRNN SlicingOpLambda Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D
SpectralNormalization StackedRNNCells StochasticDepth StringLookup Subtract TFSMLayer
TextVectorization ThresholdedReLU TimeDistributed TorchModuleWrapper UnitNormalization
UpSampling1D UpSampling2D WithMaskOf ZeroPadding1D ZeroPadding2D
"""
# fact -> the classes it is true of
_TRUE = {
    "is_function": "Activation",
    "moves": """
        ActivityRegularization AlphaDropout Cropping1D Cropping2D Dropout Flatten
        GaussianDropout GaussianNoise Identity Permute RepeatVector Reshape SlicingOpLambda
        SpatialDropout1D SpatialDropout2D SpatialDropout3D WithMaskOf
    """,
    "joins": "Concatenate",
    "idle": """
        ActivityRegularization AlphaDropout Dropout GaussianDropout GaussianNoise Identity
        SpatialDropout1D SpatialDropout2D SpatialDropout3D
    """,
    "noisy": """
        AlphaDropout Dropout GaussianDropout GaussianNoise SpatialDropout1D SpatialDropout2D
        SpatialDropout3D
    """,
    "pads": "ZeroPadding1D ZeroPadding2D",
    "is_finalized": "Normalization",
    "hears": "MelSpectrogram STFTSpectrogram",
    "takes_numbers": """
        BatchNormalization CenterCrop Normalization RandomBrightness RandomContrast RandomCrop
        RandomFlip RandomHeight RandomRotation RandomTranslation RandomWidth RandomZoom
        Rescaling Resizing
    """,
    "scales": """
        ActivityRegularization AveragePooling1D AveragePooling2D Cropping1D Cropping2D Dropout
        Flatten GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D
        GlobalMaxPooling2D Identity LeakyReLU MaxPooling1D MaxPooling2D PReLU SpatialDropout1D
        SpatialDropout2D SpatialDropout3D UpSampling1D UpSampling2D WithMaskOf ZeroPadding1D
        ZeroPadding2D
    """,
    "has_int8": """
        Activation ActivityRegularization Add AlphaDropout AveragePooling1D AveragePooling2D
        Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Cropping1D Cropping2D Dense
        DepthwiseConv1D DepthwiseConv2D Dot Dropout EinsumDense Embedding Flatten GaussianDropout
        GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D
        GlobalMaxPooling2D Identity InputLayer LeakyReLU MaxPooling1D MaxPooling2D Maximum
        Minimum Multiply Normalization PReLU Permute PositionBias ReLU RepeatVector Rescaling
        Reshape Resizing SlicingOpLambda Softmax SpatialDropout1D SpatialDropout2D
        SpatialDropout3D Subtract UnitNormalization UpSampling1D UpSampling2D WithMaskOf
        ZeroPadding1D ZeroPadding2D
    """,
    "keeps_range": """
        ActivityRegularization AlphaDropout AveragePooling1D AveragePooling2D Cropping1D
        Cropping2D Dropout Flatten GaussianDropout GaussianNoise GlobalMaxPooling1D
        GlobalMaxPooling2D Identity MaxPooling1D MaxPooling2D Permute RepeatVector Reshape
        SlicingOpLambda SpatialDropout1D SpatialDropout2D SpatialDropout3D UpSampling1D
        UpSampling2D WithMaskOf ZeroPadding1D ZeroPadding2D
    """,
    "fixes_range": """
        Activation Conv1D Conv1DTranspose Conv2D Conv2DTranspose Dense DepthwiseConv1D
        DepthwiseConv2D Softmax
    """,
    "may_vanish": """
        Activation ActivityRegularization AlphaDropout BatchNormalization Dropout Flatten
        GaussianDropout GaussianNoise Identity ReLU Reshape SpatialDropout1D SpatialDropout2D
        SpatialDropout3D WithMaskOf ZeroPadding1D ZeroPadding2D
    """,
    "is_one_operator": "LSTM",
    "is_slow_in_integers": "LayerNormalization RMSNormalization",
}
# class -> where its kernel is: (attribute, outputs, input, is it compressed, is it a table)
_KERNELS = {
    "Conv1D": ("kernel", (2,), 1, True, False),
    "Conv1DTranspose": ("kernel", (1,), 2, True, False),
    "Conv2D": ("kernel", (3,), 2, True, False),
    "Conv2DTranspose": ("kernel", (2,), 3, True, False),
    "Dense": ("kernel", (1,), 0, True, False),
    "DepthwiseConv1D": ("depthwise_kernel", (1, 2), 1, True, False),
    "DepthwiseConv2D": ("depthwise_kernel", (2, 3), 2, True, False),
    "Embedding": ("embeddings", (1,), 0, True, True),
    "GRU": ("kernel", (1,), 0, False, False),
    "LSTM": ("kernel", (1,), 0, False, False),
    "SimpleRNN": ("kernel", (1,), 0, False, False),
}


@pytest.mark.parametrize("fact", _TRUE)
def test_a_fact_is_true_of_these_and_of_no_others(fact):
    found = {name for name in _CLASSES.split() if getattr(facts.of_class(name), fact)}
    assert found == set(_TRUE[fact].split())


def test_every_fact_that_is_yes_or_no_is_looked_at():
    flags = {field.name for field in dataclasses.fields(facts.Layer) if field.default is False}
    assert flags <= _TRUE.keys()


@pytest.mark.parametrize("name", _CLASSES.split())
def test_where_the_kernel_is(name):
    kernel = facts.of_class(name).kernel
    assert (kernel and dataclasses.astuple(kernel)) == _KERNELS.get(name)
