"""Values as JSON with tags. Data is copied, as the plain type that it is or derives from; nothing that is unpacked runs code."""

import collections
import datetime
import decimal
import fractions
import functools
import operator
import sys
import types

MAX_DEPTH = 100
MAX_FIELDS = 200

# Modules that tests find under the names by which the program imported them.
MODULES = frozenset(
    "math re itertools collections functools string random json typing datetime heapq bisect statistics fractions decimal "
    "operator copy cmath hashlib".split()
)
SEQUENCES = (("l", list), ("t", tuple), ("s", set), ("z", frozenset), ("q", collections.deque))
MAPPINGS = (("C", collections.Counter), ("O", collections.OrderedDict), ("d", dict))
VIEWS = (("kv", type({}.keys())), ("vv", type({}.values())), ("iv", type({}.items())))
WRAPPERS = (collections.UserList, collections.UserDict, collections.UserString)
# Written as text, and read from it.
TEXTS = (
    ("D", decimal.Decimal, decimal.Decimal.__str__, decimal.Decimal),
    ("F", fractions.Fraction, fractions.Fraction.__str__, fractions.Fraction),
    ("T", datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    ("A", datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    ("o", datetime.time, datetime.time.isoformat, datetime.time.fromisoformat),
)


def encode(value, hand_out, depth=0):
    """
    The value as JSON; `hand_out` encodes what is not data. A class that derives from a plain type is read by the methods of
    that type, not by its own. Raises a RecursionError for a value that holds itself.
    """
    if depth > MAX_DEPTH:
        raise RecursionError("the value is nested too deeply")
    if value is None or value is True or value is False:
        return value
    # Not isinstance, which believes what an object says that its class is.
    kind = type(value)
    is_a = functools.partial(issubclass, kind)
    inner = functools.partial(encode, hand_out=hand_out, depth=depth + 1)
    if is_a(int):
        value = int.__int__(value)
        return value if -(2**63) < value < 2**63 else ["i", hex(value)]
    if is_a(float):
        value = float.__float__(value)
        return value if value - value == 0 else ["f", repr(value)]
    if is_a(str):
        return str.__str__(value)
    if is_a(tuple) and kind is not tuple and type(getattr(kind, "_fields", None)) is tuple:
        return ["n", kind.__name__, list(kind._fields), [inner(item) for item in tuple.__iter__(value)]]
    for tag, plain in SEQUENCES:
        if is_a(plain):
            return [tag, [inner(item) for item in plain.__iter__(value)]]
    for tag, plain in MAPPINGS:
        if is_a(plain):
            return [tag, [[inner(key), inner(item)] for key, item in plain.items(value)]]
    for tag, plain in VIEWS:
        if kind is plain:
            return [tag, [inner(item) for item in value]]
    for tag, plain, write, _ in TEXTS:
        if is_a(plain):
            return [tag, write(value)]
    if is_a((bytes, bytearray)):
        return ["y", memoryview(value).hex(), is_a(bytearray)]
    if is_a(complex):
        return ["c", complex.real.__get__(value).hex(), complex.imag.__get__(value).hex()]
    if is_a(range):
        return ["r", *map(inner, (value.start, value.stop, value.step))]
    if is_a(datetime.timedelta):
        return ["e", value.days, value.seconds, value.microseconds]
    if is_a(WRAPPERS):
        return inner(value.data)
    if kind is types.ModuleType and value.__name__ in MODULES and sys.modules.get(value.__name__) is value:
        return ["m", value.__name__]
    if kind.__module__ == "numpy" and hasattr(kind, "tolist"):
        return inner(value.tolist())
    return hand_out(value)


def decode(data, find):
    """The value of JSON that may have been written by an enemy; `find` decodes what is not data. Raises if it is malformed."""
    if data is None or type(data) in (bool, int, float, str):
        return data
    if type(data) is not list or not data:
        raise ValueError("a value of an unknown kind")
    tag, *rest = data
    if tag in DECODERS:
        return DECODERS[tag](*rest, read=functools.partial(decode, find=find))
    return find(tag, *rest)


def items(data, read):
    return map(read, data)


def pairs(data, read):
    return ((read(key), read(item)) for key, item in data)


@functools.lru_cache(maxsize=100)
def tuple_with_names(name, fields):
    if len(fields) > MAX_FIELDS:
        raise ValueError("a tuple with too many names")
    return collections.namedtuple(name, fields)


def module(name, read=None):
    if name not in MODULES:
        raise ValueError("an unknown module")
    return sys.modules.get(name)


DECODERS = {
    "i": lambda text, read: int(text, 16),
    "f": lambda text, read: float(text),
    "n": lambda name, fields, data, read: tuple_with_names(name, tuple(fields))(*map(read, data)),
    "kv": lambda data, read: dict.fromkeys(items(data, read)).keys(),
    "vv": lambda data, read: dict(enumerate(items(data, read))).values(),
    "iv": lambda data, read: dict(items(data, read)).items(),
    "y": lambda text, is_mutable, read: bytearray.fromhex(text) if is_mutable is True else bytes.fromhex(text),
    "c": lambda real, imaginary, read: complex(float.fromhex(real), float.fromhex(imaginary)),
    "r": lambda start, stop, step, read: range(*map(operator.index, (read(start), read(stop), read(step)))),
    "e": lambda days, seconds, microseconds, read: datetime.timedelta(days, seconds, microseconds),
    "m": module,
}
for _tag, _plain in SEQUENCES:
    DECODERS[_tag] = lambda data, read, plain=_plain: plain(items(data, read))
for _tag, _plain in MAPPINGS:
    DECODERS[_tag] = lambda data, read, plain=_plain: plain(dict(pairs(data, read)))
for _tag, _, _, _read in TEXTS:
    DECODERS[_tag] = lambda text, read, parse=_read: parse(text)
