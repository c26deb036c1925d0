"""Devices and hosts: the mesh on which a step runs, and runs of several processes."""
