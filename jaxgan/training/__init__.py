"""Training: a session (a run that is set up), the training loop, and the trained run."""
