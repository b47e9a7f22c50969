"""Modules of mitmproxy that are parts of the proxy itself. Importing one gives a module
whose names can be imported, and say what to do instead when they are used."""
from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys

_INSTEAD = {
    "mitmproxy.proxy.": "Its protocol layers are not scriptable; to change a destination use server_connect, to pass a "
                        "connection through the option ignore_hosts.",
    "mitmproxy.addons.": "What it does is an option of midstream, where there is one.",
    "mitmproxy.tools.": "Start this file with: midstream -s FILE",
    "mitmproxy.contrib.": "Install the package and import it under its own name.",
    "mitmproxy.platform": "midstream finds out itself where a connection was going.",
    "mitmproxy_rs": "It is the part of mitmproxy that is written in Rust; midstream has its own.",
}


class _Module(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what no file is there for."""

    def find_spec(self, name, path=None, target=None):
        for prefix in _INSTEAD:
            if name.startswith(prefix):
                return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        from mitmproxy.proxy import _missing
        name = module.__name__
        instead = next(text for prefix, text in _INSTEAD.items() if name.startswith(prefix))
        module.__getattr__ = _missing.module(name, instead)


def install():
    if not any(isinstance(f, _Module) for f in sys.meta_path):
        sys.meta_path.append(_Module())
