"""Networks whose weights come from files of others."""
