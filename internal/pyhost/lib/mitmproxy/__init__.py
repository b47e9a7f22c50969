"""The names that addons import, as midstream offers them."""
from mitmproxy import _elsewhere

_elsewhere.install()
