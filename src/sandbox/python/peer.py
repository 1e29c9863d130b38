"""Calls between the process of the tests and the process of the program.

Data crosses by copy (values.py). Other objects stay where they are and are reached through a Remote. The tests' process
answers only calls of functions that it handed out itself.
"""

import builtins
import collections
import types

import values
from channel import Ended

# The object that has the program's names as attributes.
PROGRAM = 0
# Exceptions of a call that would end a loop or a generator of the tests without a word.
SILENT = ("StopIteration", "StopAsyncIteration", "GeneratorExit")
# Attributes with a meaning for Python are not asked for, as libraries trust what they say, but for these.
PLAIN_DUNDERS = frozenset(("__name__", "__qualname__", "__doc__", "__dict__"))


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
        """Sends a request and waits for its answer."""
        self.channel.send(request)
        return self.wait(request["op"])

    def wait(self, op):
        """Answers what the other end asks, until it answers itself: returns that, or raises the exception that it describes."""
        while True:
            message = self.channel.receive()
            if isinstance(message, dict) and "op" in message:
                self.channel.send(self.answer(message))
            elif isinstance(message, dict) and "error" in message:
                raise self.exception(message["error"], op)
            elif isinstance(message, dict) and "value" in message:
                return message
            else:
                raise self.channel.fail("the answer is not readable")

    def answer(self, request):
        try:
            return self.perform(request)
        except Ended:
            raise
        except BaseException as error:
            return {"error": self.described(error)}

    def perform(self, request):
        op, target = request["op"], self.objects[request["id"]]
        if op == "call":
            args, kwargs = self.decode(request["args"]), self.decode(request["kwargs"])
            value = self.encode(target(*args, **kwargs))
            return {"value": value, "args": self.encode(list(args)), "kwargs": self.encode(kwargs)}
        if self.trusted:
            raise PermissionError("only functions can be called from here")
        if op == "get":
            return {"value": self.encode(getattr(target, request["name"]))}
        if op == "set":
            setattr(target, request["name"], self.decode(request["value"]))
            return {"value": None}
        if op == "equal":
            return {"value": bool(target == self.decode(request["other"]))}
        return {"value": self.encode({"iterate": iter, "next": next}[op](target))}

    def described(self, error):
        """An exception as JSON: the names of its classes, its text, and its arguments if they are data."""
        try:
            text = str(error)[:500]
        except BaseException:
            text = "what was raised cannot be read"
        try:
            arguments = values.encode(list(error.args), refuse)
        except BaseException:
            arguments = None
        return [[kind.__name__ for kind in type(error).__mro__], text, arguments]

    def exception(self, described, op):
        """
        The exception that the other end described: a built-in one, or one of that name derived from a built-in one.
        Raises Ended if the description is malformed.
        """
        try:
            names, text, arguments = described
            arguments = None if arguments is None else values.decode(arguments, refuse)
            return restored([str(name) for name in names], str(text), arguments, op == "next")
        except Exception:
            raise self.channel.fail("the answer is not readable") from None

    def encode(self, value):
        return values.encode(value, self._hand_out)

    def decode(self, data):
        return values.decode(data, self._find)

    def decode_answer(self, data):
        """A value that the other end sent; Ended if it is malformed."""
        try:
            return self.decode(data)
        except (ValueError, TypeError, ArithmeticError, LookupError, RecursionError):
            raise self.channel.fail("the answer is not readable") from None

    def _hand_out(self, value):
        if isinstance(value, Remote):
            return ["H", object.__getattribute__(value, "_id")]
        if self.trusted and not isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
            raise TypeError("the tests cannot hand a " + type(value).__name__ + " to the program")
        if id(value) not in self.ids:
            self.ids[id(value)] = len(self.objects) + 1
            self.objects[len(self.objects) + 1] = value
        return ["h", self.ids[id(value)]]

    def _find(self, tag, identifier):
        if tag == "H":
            return self.objects[identifier]
        if tag != "h" or type(identifier) is not int:
            raise ValueError("a value of an unknown kind")
        if identifier not in self.remotes:
            self.remotes[identifier] = Remote(self, identifier)
        return self.remotes[identifier]


def refuse(*_):
    raise TypeError("not data")


def restored(names, text, arguments, may_stop):
    name = names[0]
    bases = [getattr(builtins, known, None) for known in names]
    base = next((kind for kind in bases if isinstance(kind, type) and issubclass(kind, BaseException)), Exception)
    if any(known in SILENT for known in names) and not (may_stop and "StopIteration" in names):
        return RuntimeError(name + ": " + text)
    if base.__name__ == name and isinstance(arguments, list):
        try:
            error = base(*arguments)
            if str(error) == text:
                return error
        except Exception:
            pass
    kind = type(name if name.isidentifier() else "Error", (base,), {"__str__": lambda self: text})
    try:
        return kind.__new__(kind, text)
    except TypeError:
        return type(kind.__name__, (Exception,), {"__str__": lambda self: text})(text)


class Remote:
    """
    An object of the other process. It can be called, has attributes, can be gone through, and is equal to itself and to
    other Remotes if the other process says so. It is never taken for a number, a text, a truth or a container: what a program
    says of those would be believed.
    """

    __slots__ = ("_peer", "_id")

    def __init__(self, peer, identifier):
        object.__setattr__(self, "_peer", peer)
        object.__setattr__(self, "_id", identifier)

    def __getattr__(self, name):
        if name.startswith("__") and name not in PLAIN_DUNDERS:
            raise AttributeError("'" + name + "' of an object of the program")
        return _asked(self, {"op": "get", "name": name})

    def __setattr__(self, name, value):
        _asked(self, {"op": "set", "name": name, "value": self._peer.encode(value)})

    def __call__(self, *args, **kwargs):
        peer = self._peer
        sent = {"args": peer.encode(list(args)), "kwargs": peer.encode(kwargs)}
        answer = peer.ask({"op": "call", "id": self._id, **sent})
        # What the other process did to arguments that it got a copy of is done to the originals.
        for name, originals in (("args", args), ("kwargs", kwargs.values())):
            if answer.get(name, sent[name]) != sent[name]:
                copy_changes(originals, peer.decode_answer(answer[name]))
        return peer.decode_answer(answer["value"])

    def __iter__(self):
        return _asked(self, {"op": "iterate"})

    def __next__(self):
        return _asked(self, {"op": "next"})

    def __eq__(self, other):
        if self is other:
            return True
        return isinstance(other, Remote) and _asked(self, {"op": "equal", "other": self._peer.encode(other)}) is True

    def __hash__(self):
        return object.__hash__(self)

    def __bool__(self):
        raise TypeError("an object of the program is neither true nor false")

    def __repr__(self):
        return "<an object of the program>"

    def __reduce_ex__(self, protocol):
        raise TypeError("an object of the program cannot be copied")


def _asked(remote, request):
    peer = object.__getattribute__(remote, "_peer")
    answer = peer.ask({**request, "id": object.__getattribute__(remote, "_id")})
    return peer.decode_answer(answer["value"])


def copy_changes(originals, changed):
    changed = changed.values() if isinstance(changed, dict) else changed if isinstance(changed, list) else ()
    for original, value in zip(originals, changed):
        for kind in (list, bytearray, collections.deque, dict, set):
            if isinstance(original, kind) and isinstance(value, kind) and original != value:
                original.clear()
                (original.update if kind in (dict, set) else original.extend)(value)
