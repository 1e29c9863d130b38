"""Messages between two processes: each a length and JSON."""

import json
import os
import struct

MAX_BYTES = 32 * 1024 * 1024


class Ended(BaseException):
    """The other process is gone or talks nonsense: not to be caught by tests that catch exceptions."""


class Channel:
    """Messages over a socket. Once it has failed, it stays so: `failure` says why."""

    def __init__(self, sock):
        self.sock = sock
        self.failure = None

    def fail(self, reason):
        self.failure = self.failure or reason
        return Ended(self.failure)

    def send(self, message):
        data = json.dumps(message).encode()
        if len(data) > MAX_BYTES:
            raise ValueError("the value is too large")
        try:
            self.sock.sendall(struct.pack(">I", len(data)) + data)
        except OSError:
            raise self.fail("the program ended") from None

    def receive(self):
        (size,) = struct.unpack(">I", self._read(4))
        if size > MAX_BYTES:
            raise self.fail("the value is too large")
        try:
            return json.loads(self._read(size))
        except (ValueError, RecursionError):
            raise self.fail("the answer is not readable") from None

    def _read(self, size):
        data = bytearray()
        while len(data) < size:
            try:
                part = self.sock.recv(min(size - len(data), 1 << 20))
            except OSError:
                part = b""
            if not part:
                raise self.fail("the program ended")
            data += part
        return bytes(data)


def read_message(descriptor):
    """A message from a pipe. Raises an EOFError at its end."""
    (size,) = struct.unpack(">I", read_exactly(descriptor, 4))
    return json.loads(read_exactly(descriptor, size))


def read_exactly(descriptor, size):
    data = bytearray()
    while len(data) < size:
        part = os.read(descriptor, min(size - len(data), 1 << 20))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def write_message(descriptor, message):
    body = json.dumps(message).encode()
    data = memoryview(struct.pack(">I", len(body)) + body)
    while data:
        data = data[os.write(descriptor, data) :]
