"""mitmproxy's protocol layers are not here: the names are, for annotations."""
