"""Scores of samples: features, metrics, intervals."""
