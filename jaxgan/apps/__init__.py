"""Commands that use a trained run: `jaxgan NAME --help`, or `python -m jaxgan.apps.NAME --help`."""
