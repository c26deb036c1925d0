"""What variants are made of: options, optimizers, stages, and the recipes of each kind of game."""
