"""Weights that others published, as runs of jaxgan."""
