"""Random changes of images: DiffAugment, adaptive augmentation, crops."""
