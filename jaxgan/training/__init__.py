"""Training: a session, the loop that plays it, and the run that comes of it."""
