"""Files: checkpoints, work directories, pictures and published weights."""
