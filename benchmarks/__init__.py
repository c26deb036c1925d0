"""Timings: of every variant, of common GAN workloads against PyTorch, of the data pipeline."""
