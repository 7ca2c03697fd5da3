"""What compression knows of each class of Keras layers: one class, or one family, is one file.

A file declares `LAYERS`, class name -> `facts.Layer`, and is found by being here. A class without
one needs all its channels, stays float and is otherwise left alone: that is always right.
"""
