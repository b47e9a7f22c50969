"""Names of classes that cannot work beside the proxy."""
from midstream_host import bridge


class _Refusing(type):
    """Classes that refuse to be changed, too: nobody would call what is put there."""

    def __setattr__(cls, name, value):
        if name.startswith("__"):
            super().__setattr__(name, value)
            return
        raise bridge.impossible("{}.{}.{}".format(cls.__module__, cls.__name__, name), cls._instead)


def module(where: str, instead: str):
    """A __getattr__ for a module whose classes import cleanly and fail when they are made."""
    made = {}

    def get(name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in made:
            def refuse(self, *args, **kwargs):
                raise bridge.impossible("{}.{}".format(where, name), instead)
            made[name] = _Refusing(name, (), {"__init__": refuse, "__module__": where, "_instead": instead,
                                              "__class_getitem__": classmethod(lambda cls, item: cls)})
        return made[name]
    return get
