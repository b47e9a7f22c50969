"""Numbers of DNS."""
