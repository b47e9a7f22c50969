"""Names of classes that cannot work beside the proxy."""
from midstream_host import bridge


def module(where: str, instead: str):
    """A __getattr__ for a module whose classes import cleanly and fail when they are made."""
    made = {}

    def get(name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in made:
            def refuse(self, *args, **kwargs):
                raise bridge.impossible("{}.{}".format(where, name), instead)
            made[name] = type(name, (), {"__init__": refuse, "__module__": where})
        return made[name]
    return get
