"""Programs of mitmproxy: importing them is fine, running them is not."""
