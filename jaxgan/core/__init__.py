"""The engine: what a game is, how one step of it is played, and the state that a step changes."""
