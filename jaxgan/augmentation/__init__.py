"""Random changes of images: DiffAugment, adaptive augmentation (ADA), crops."""
