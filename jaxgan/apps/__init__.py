"""What a trained run is good for: each module is a command, `python -m jaxgan.apps.NAME --help`."""
