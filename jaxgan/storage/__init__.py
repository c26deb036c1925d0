"""Files: checkpoints, work directories, pictures, published weights."""
