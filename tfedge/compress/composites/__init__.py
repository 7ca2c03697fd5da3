"""Layers that hold several kernels, in the plain form that compression works on, and back."""
