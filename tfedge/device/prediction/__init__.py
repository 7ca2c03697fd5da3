"""How long a .tflite takes on a phone nobody has at hand: work of operators, rates of devices."""
