"""Evaluation: feature networks, metrics of samples, and scores with intervals."""
