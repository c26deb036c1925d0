"""Published claims, one file each: claim, cost, command, result."""
