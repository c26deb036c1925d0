"""Networks of the GANs, in Linen."""
