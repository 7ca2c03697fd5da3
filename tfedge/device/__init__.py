"""A .tflite on a phone-class device: read, run and measured without TensorFlow."""
