"""Objectives, penalties, regularizers, and the losses of turns that are made of them."""
