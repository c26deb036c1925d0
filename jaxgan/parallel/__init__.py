"""Devices and hosts: the mesh that a step runs on, and several processes as one run."""
