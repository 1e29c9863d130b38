"""Calls between the process of the tests and the process of the program.

Data crosses by copy (values.py). Other objects stay where they are and are reached through a Remote. The tests' process
answers only calls of functions that it handed out itself.
"""

import types

import exceptions
import values
from channel import Ended
from remote import Remote

# The object that has the program's names as attributes.
PROGRAM = 0


class Peer:
    """One end: hands out objects of its own and reaches those of the other end."""

    def __init__(self, channel, trusted, in_place=False):
        self.channel = channel
        # Whether this end has to be careful with what the other one asks for.
        self.trusted = trusted
        # Whether what a call did to its arguments counts even if it returns something.
        self.in_place = in_place
        # An assertion that failed in a function that the other end called, and may hide.
        self.failed = None
        # The last exception that the other end raised.
        self.theirs = None
        self.objects = {}
        self.ids = {}
        self.remotes = {}
        # Whether the other end is asked for plain data: of an object in place of it, less is believed.
        self.expects_data = False
        # What was answered since the last call, what was gone through, and iterators that have come to their end.
        self.known = {}
        self.passes = {}
        self.exhausted = set()

    def forget(self):
        """Takes nothing for known any more, as a call may change it."""
        self.known.clear()
        self.passes.clear()

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
                self.theirs = self.exception(message["error"], op)
                raise self.theirs
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
            if isinstance(error, AssertionError) and error is not self.theirs:
                self.failed = error
            return {"error": exceptions.described(error)}

    def perform(self, request):
        op, target = request["op"], self.objects[request["id"]]
        if op == "call":
            args, kwargs = self.decode(request["args"]), self.decode(request["kwargs"])
            value = self.encode(target(*args, **kwargs))
            if value is not None and request.get("changes") is not True:
                return {"value": value}
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

    def exception(self, description, op):
        """The exception that the other end described. Raises Ended if the description is malformed."""
        try:
            return exceptions.restored(description, is_end=op == "next")
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
