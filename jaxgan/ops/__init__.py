"""Functions of arrays: convolutions that are fast on every device, and image resampling."""
