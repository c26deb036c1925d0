"""The engine: what a game is, how a step of it is played, and the state that it moves."""
