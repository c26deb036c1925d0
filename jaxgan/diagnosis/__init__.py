"""How a run is: signals of its health, warnings, and verdicts."""
