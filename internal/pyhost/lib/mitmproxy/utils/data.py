"""Files beside a module."""
import importlib
import inspect
import os


class Data:
    def __init__(self, name):
        module = importlib.import_module(name)
        self.dirname = os.path.abspath(os.path.dirname(inspect.getsourcefile(module)))

    def path(self, path):
        full = os.path.join(self.dirname, path)
        if not os.path.exists(full):
            raise ValueError("dataPath: {} does not exist.".format(full))
        return full
