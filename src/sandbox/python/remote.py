"""What one process has of an object that is in the other."""

import collections
import itertools

# Attributes with a meaning for Python are not asked for, as libraries trust what they say, but for these.
PLAIN_DUNDERS = frozenset(("__name__", "__qualname__", "__doc__", "__dict__"))

# Methods of plain types that say whether something is so.
PLAIN = (str, bytes, int, float, list, tuple, dict, set)
PREDICATES = frozenset(name for kind in PLAIN for name in dir(kind) if name.startswith("is") or name.endswith("swith"))


class Remote:
    """
    An object of the other process. It can be called, has attributes, can be gone through, and is equal to itself and to
    other Remotes if the other process says so. It is never taken for a number, a text, a truth or a container: what a program
    says of those would be believed. Between two calls it has one answer to each question.
    """

    __slots__ = ("_peer", "_id")

    def __init__(self, peer, identifier):
        object.__setattr__(self, "_peer", peer)
        object.__setattr__(self, "_id", identifier)

    def __getattr__(self, name):
        is_refused = name.startswith("__") and name not in PLAIN_DUNDERS
        if is_refused or (name in PREDICATES and self._peer.expects_data):
            raise AttributeError("'" + name + "' of an object of the program")
        return asked_once(self, {"op": "get", "name": name})

    def __setattr__(self, name, value):
        self._peer.forget()
        asked(self, {"op": "set", "name": name, "value": self._peer.encode(value)})

    def __call__(self, *args, **kwargs):
        peer = self._peer
        peer.forget()
        sent = {"args": peer.encode(list(args)), "kwargs": peer.encode(kwargs)}
        answer = asked(self, {"op": "call", "changes": peer.in_place, **sent})
        if answer["value"] is None or peer.in_place:
            # What the other process did to arguments that it got a copy of is done to the originals.
            for name, originals in (("args", args), ("kwargs", kwargs.values())):
                if answer.get(name, sent[name]) != sent[name]:
                    copy_changes(originals, peer.decode_answer(answer[name]))
        return peer.decode_answer(answer["value"])

    def __iter__(self):
        peer = self._peer
        if self._id not in peer.passes:
            iterator = peer.decode_answer(asked(self, {"op": "iterate"})["value"])
            # What is its own iterator goes on, or begins again; anything else begins again, and with the same.
            if iterator is self and not peer.expects_data:
                peer.exhausted.discard(self._id)
            if iterator is self or not isinstance(iterator, Remote):
                return iterator
            peer.passes[self._id] = [], iterator
        return again(*peer.passes[self._id])

    def __next__(self):
        self._peer.forget()
        return next_of(self)

    def __eq__(self, other):
        if self is other:
            return True
        return isinstance(other, Remote) and asked_once(self, {"op": "equal", "other": self._peer.encode(other)}) is True

    def __hash__(self):
        return object.__hash__(self)

    def __bool__(self):
        raise TypeError("an object of the program is neither true nor false")

    def __repr__(self):
        return "<an object of the program>"

    def __reduce_ex__(self, protocol):
        raise TypeError("an object of the program cannot be copied")


def asked(remote, request):
    return remote._peer.ask({**request, "id": remote._id})


def asked_once(remote, request):
    """The value that answers a request, as it was answered before if nothing was called since."""
    known, key = remote._peer.known, (remote._id, repr(request))
    if key not in known:
        known[key] = asked(remote, request)["value"]
    return remote._peer.decode_answer(known[key])


def next_of(remote):
    """The next value of an iterator, which does not go on after its end."""
    peer = remote._peer
    if remote._id in peer.exhausted:
        raise StopIteration
    try:
        return peer.decode_answer(asked(remote, {"op": "next"})["value"])
    except StopIteration:
        peer.exhausted.add(remote._id)
        raise


def again(items, iterator):
    """The items that an iterator has given, and then what it gives further."""
    for at in itertools.count():
        if at == len(items):
            try:
                items.append(next_of(iterator))
            except StopIteration:
                return
        yield items[at]


def copy_changes(originals, changed):
    changed = changed.values() if isinstance(changed, dict) else changed if isinstance(changed, list) else ()
    for original, value in zip(originals, changed):
        for kind in (list, bytearray, collections.deque, dict, set):
            if isinstance(original, kind) and isinstance(value, kind) and original != value:
                original.clear()
                (original.update if kind in (dict, set) else original.extend)(value)
