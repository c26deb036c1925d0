"""Networks whose weights come from published files."""
