"""Layers of GANs, as Linen modules and pure functions."""
