"""Mappings in which a key may stand several times, in order."""
from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import MutableMapping, Iterable, Iterator


class _MultiDict(MutableMapping, metaclass=ABCMeta):
    """The behaviour; a class below says where the fields are kept."""

    fields: tuple

    @staticmethod
    @abstractmethod
    def _reduce_values(values):
        """What one lookup returns for all values of a key."""

    @staticmethod
    @abstractmethod
    def _kconv(key):
        """The form of a key in which two are compared."""

    def __repr__(self):
        fields = (repr(f) for f in self.fields)
        return "{}[{}]".format(type(self).__name__, ", ".join(fields))

    def __getitem__(self, key):
        values = self.get_all(key)
        if not values:
            raise KeyError(key)
        return self._reduce_values(values)

    def __setitem__(self, key, value):
        self.set_all(key, [value])

    def __delitem__(self, key):
        if key not in self:
            raise KeyError(key)
        want = self._kconv(key)
        self.fields = tuple(f for f in self.fields if self._kconv(f[0]) != want)

    def __iter__(self) -> Iterator:
        seen = set()
        for key, _ in self.fields:
            folded = self._kconv(key)
            if folded not in seen:
                seen.add(folded)
                yield key

    def __len__(self):
        return len({self._kconv(key) for key, _ in self.fields})

    def __contains__(self, key):
        want = self._kconv(key)
        return any(self._kconv(k) == want for k, _ in self.fields)

    def __eq__(self, other):
        if isinstance(other, MultiDict) or isinstance(other, _MultiDict):
            return self.fields == other.fields
        return False

    __hash__ = None

    def get_all(self, key) -> list:
        """All values of a key; empty when there is none."""
        want = self._kconv(key)
        return [v for k, v in self.fields if self._kconv(k) == want]

    def set_all(self, key, values: Iterable) -> None:
        """Puts values where the key stands already, as far as they reach."""
        want = self._kconv(key)
        values = list(values)
        fields = []
        for field in self.fields:
            if self._kconv(field[0]) != want:
                fields.append(field)
            elif values:
                fields.append((field[0], values.pop(0)))
        fields.extend((key, v) for v in values)
        self.fields = tuple(fields)

    def add(self, key, value) -> None:
        """Appends one value and leaves the others alone."""
        self.insert(len(self.fields), key, value)

    def insert(self, index: int, key, value) -> None:
        """Puts one value at a place among all fields."""
        fields = list(self.fields)
        fields.insert(index, (key, value))
        self.fields = tuple(fields)

    def keys(self, multi: bool = False):
        return (k for k, _ in self.items(multi))

    def values(self, multi: bool = False):
        return (v for _, v in self.items(multi))

    def items(self, multi: bool = False):
        if multi:
            return self.fields
        return super().items()


class MultiDict(_MultiDict):
    """A multi-dict that keeps its own fields."""

    def __init__(self, fields=()):
        super().__init__()
        if hasattr(fields, "items"):
            fields = fields.items(True) if isinstance(fields, _MultiDict) else fields.items()
        self.fields = tuple(tuple(f) for f in fields)

    @staticmethod
    def _reduce_values(values):
        return values[0]

    @staticmethod
    def _kconv(key):
        return key

    def copy(self):
        return type(self)(self.fields)

    def get_state(self):
        return self.fields

    def set_state(self, state):
        self.fields = tuple(tuple(f) for f in state)

    @classmethod
    def from_state(cls, state):
        return cls(state)


class MultiDictView(_MultiDict):
    """A multi-dict over something that is read and written by two functions,
    such as the query of a request."""

    def __init__(self, getter, setter):
        super().__init__()
        self._getter = getter
        self._setter = setter

    @staticmethod
    def _reduce_values(values):
        return values[0]

    @staticmethod
    def _kconv(key):
        return key

    @property
    def fields(self):
        return tuple(self._getter())

    @fields.setter
    def fields(self, value):
        self._setter(value)

    def copy(self) -> MultiDict:
        return MultiDict(self.fields)
