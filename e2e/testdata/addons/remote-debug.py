"""Loads a debugger at the start, which is not installed."""


def load(loader):
    import no_such_debugger
    no_such_debugger.settrace("localhost", port=5678)
