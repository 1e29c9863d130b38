"""Calls between the process of the tests and the process of the program, over a socket.

Data crosses by copy, as JSON with tags: nothing that is unpacked can run code. Other objects stay where they are and are
reached through a Remote. The tests' process answers only calls of functions that it handed out itself.
"""

import collections
import decimal
import fractions
import functools
import json
import socket
import struct
import sys
import time
import types

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 100


class Ended(BaseException):
    """The other process is gone, or late: not to be caught by tests that catch exceptions."""


class Channel:
    """Messages over a socket, each a length and JSON."""

    def __init__(self, sock, deadline=None):
        self.sock = sock
        self.deadline = deadline

    def send(self, message):
        data = json.dumps(message).encode()
        if len(data) > MAX_BYTES:
            raise ValueError("the value is too large")
        try:
            self.sock.sendall(struct.pack(">I", len(data)) + data)
        except OSError:
            raise Ended("the program ended") from None

    def receive(self):
        (size,) = struct.unpack(">I", self._read(4))
        if size > MAX_BYTES:
            raise Ended("the value is too large")
        try:
            return json.loads(self._read(size))
        except (ValueError, RecursionError):
            raise Ended("the answer is not readable") from None

    def _read(self, size):
        data = bytearray()
        while len(data) < size:
            try:
                if self.deadline is not None:
                    self.sock.settimeout(max(0.001, self.deadline - time.monotonic()))
                part = self.sock.recv(min(size - len(data), 1 << 20))
            except socket.timeout:
                raise Ended("time limit") from None
            except OSError:
                part = b""
            if not part:
                raise Ended("the program ended")
            data += part
        return bytes(data)


class Peer:
    """One end: hands out objects of its own and reaches those of the other end."""

    def __init__(self, channel, trusted):
        self.channel = channel
        # Whether this end has to be careful with what the other one asks for.
        self.trusted = trusted
        self.objects = {}
        self.ids = {}
        self.remotes = {}

    def ask(self, request):
        self.channel.send(request)
        while True:
            message = self.channel.receive()
            if isinstance(message, dict) and "op" in message:
                self.channel.send(self.answer(message))
            elif isinstance(message, dict) and ("value" in message or "error" in message):
                break
            else:
                raise Ended("the answer is not readable")
        if "error" in message:
            raise self.exception(message["error"])
        return message

    def answer(self, request):
        try:
            return self.perform(request)
        except Ended:
            raise
        except BaseException as error:
            try:
                text = str(error)[:500]
            except BaseException:
                text = "what was raised cannot be read"
            return {"error": [type(error).__name__, text]}

    def perform(self, request):
        op, target = request["op"], self.objects[request["id"]]
        if op == "call":
            args, kwargs = self.decode(request["args"]), self.decode(request["kwargs"])
            value = self.encode(target(*args, **kwargs))
            changed = self.encode(list(args))
            return {"value": value} if changed == request["args"] else {"value": value, "args": changed}
        if self.trusted:
            raise PermissionError("only functions can be called from here")
        if op == "get":
            return {"value": self.encode(getattr(target, request["name"]))}
        if op == "set":
            setattr(target, request["name"], self.decode(request["value"]))
            return {"value": None}
        args = self.decode(request["args"])
        special = {"__bool__": bool, "__len__": len, "__iter__": iter, "__next__": next, "__str__": str, "__repr__": repr}
        if op == "__eq__":
            return {"value": bool(target == args[0])}
        if op in special:
            return {"value": self.encode(special[op](target))}
        return {"value": self.encode(getattr(target, op)(*args))}

    def exception(self, described):
        name, text = (str(part) for part in described)
        known = getattr(__import__("builtins"), name, None)
        if isinstance(known, type) and issubclass(known, Exception):
            try:
                return known(text)
            except Exception:
                pass
        if name in ("KeyboardInterrupt", "SystemExit", "GeneratorExit"):
            return RuntimeError(name + ": " + text)
        return type(name if name.isidentifier() else "Error", (Exception,), {})(text)

    def encode(self, value, depth=0):
        if depth > MAX_DEPTH:
            raise RecursionError("the value is nested too deeply")
        if value is None or value is True or value is False:
            return value
        encode = functools.partial(self.encode, depth=depth + 1)
        if isinstance(value, int):
            value = int(value)
            return value if -(2**63) < value < 2**63 else ["i", hex(value)]
        if isinstance(value, float):
            value = float(value)
            return value if value - value == 0 else ["f", repr(value)]
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, Remote):
            return ["H", object.__getattribute__(value, "_id")]
        for tag, kind in (("l", list), ("t", tuple), ("s", set), ("z", frozenset), ("q", collections.deque)):
            if isinstance(value, kind):
                return [tag, [encode(item) for item in value]]
        if isinstance(value, dict):
            return ["d", [[encode(key), encode(item)] for key, item in value.items()]]
        if isinstance(value, (bytes, bytearray)):
            return ["y", bytes(value).hex(), type(value) is bytearray]
        if isinstance(value, complex):
            return ["c", value.real.hex(), value.imag.hex()]
        if isinstance(value, range):
            return ["r", *map(encode, (value.start, value.stop, value.step))]
        if isinstance(value, decimal.Decimal):
            return ["D", str(value)]
        if isinstance(value, fractions.Fraction):
            return ["F", str(value)]
        if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
            return encode(value.tolist())
        if isinstance(value, types.ModuleType):
            return ["m", value.__name__]
        if self.trusted and not isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
            raise TypeError("the tests cannot hand a " + type(value).__name__ + " to the program")
        if id(value) not in self.ids:
            self.ids[id(value)] = len(self.objects) + 1
            self.objects[len(self.objects) + 1] = value
        return ["h", self.ids[id(value)]]

    def decode(self, data):
        if not isinstance(data, list):
            return data
        tag, *rest = data
        decode = self.decode
        if tag == "l":
            return [decode(item) for item in rest[0]]
        if tag == "t":
            return tuple(decode(item) for item in rest[0])
        if tag == "d":
            return {decode(key): decode(item) for key, item in rest[0]}
        if tag == "s":
            return {decode(item) for item in rest[0]}
        if tag == "z":
            return frozenset(decode(item) for item in rest[0])
        if tag == "q":
            return collections.deque(decode(item) for item in rest[0])
        if tag == "i":
            return int(rest[0], 16)
        if tag == "f":
            return float(rest[0])
        if tag == "y":
            data = bytes.fromhex(rest[0])
            return bytearray(data) if rest[1] is True else data
        if tag == "c":
            return complex(float.fromhex(rest[0]), float.fromhex(rest[1]))
        if tag == "r":
            return range(*map(decode, rest))
        if tag == "D":
            return decimal.Decimal(rest[0])
        if tag == "F":
            return fractions.Fraction(rest[0])
        if tag == "m":
            return sys.modules.get(rest[0]) if rest[0] in MODULES else None
        if tag == "H":
            return self.objects[rest[0]]
        if tag == "h":
            if rest[0] not in self.remotes:
                self.remotes[rest[0]] = Remote(self, rest[0])
            return self.remotes[rest[0]]
        raise ValueError("a value of an unknown kind")


# Modules that tests find under the names by which the program imported them.
MODULES = frozenset(
    "math re itertools collections functools string random json typing datetime heapq bisect statistics fractions decimal "
    "operator copy cmath hashlib".split()
)


class Remote:
    """An object of the other process. It is equal to itself, and to another Remote if the other process says so."""

    __slots__ = ("_peer", "_id")

    def __init__(self, peer, identifier):
        object.__setattr__(self, "_peer", peer)
        object.__setattr__(self, "_id", identifier)

    def __getattr__(self, name):
        peer = object.__getattribute__(self, "_peer")
        return peer.decode(peer.ask({"op": "get", "id": self._id, "name": name})["value"])

    def __setattr__(self, name, value):
        self._peer.ask({"op": "set", "id": self._id, "name": name, "value": self._peer.encode(value)})

    def __call__(self, *args, **kwargs):
        peer = self._peer
        sent = peer.encode(list(args))
        answer = peer.ask({"op": "call", "id": self._id, "args": sent, "kwargs": peer.encode(kwargs)})
        # What the other process did to arguments that it got a copy of is done to the originals.
        if isinstance(answer.get("args"), list):
            for original, before, after in zip(args, sent[1], answer["args"][1]):
                if before != after:
                    copy_into(original, peer.decode(after))
        return peer.decode(answer["value"])

    def __eq__(self, other):
        if self is other:
            return True
        if not isinstance(other, Remote):
            return False
        return self._peer.ask({"op": "__eq__", "id": self._id, "args": self._peer.encode([other])})["value"] is True

    def __hash__(self):
        return hash(self._id)


def copy_into(original, changed):
    if isinstance(original, list) and isinstance(changed, list):
        original[:] = changed
    elif isinstance(original, (dict, set)) and type(original) is type(changed):
        original.clear()
        original.update(changed)


def _operation(name):
    def method(self, *args):
        peer = self._peer
        return peer.decode(peer.ask({"op": name, "id": self._id, "args": peer.encode(list(args))})["value"])

    return method


for _name in (
    "bool len iter next str repr getitem setitem delitem contains int float index lt le gt ge add radd sub rsub mul rmul "
    "truediv floordiv mod pow neg abs and or xor enter exit"
).split():
    setattr(Remote, "__" + _name + "__", _operation("__" + _name + "__"))
