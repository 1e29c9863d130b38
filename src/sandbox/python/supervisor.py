"""Runs programs against tests, one pair after the other: reads requests from stdin and writes verdicts to stdout.

A request is two messages (a length and JSON): the program with its limits, and the tests. Each is for a process of its own,
forked from this one, which runs neither. The tests' process reads the second message itself, so neither this process nor the
program's, which is forked before, ever has the tests in its memory.
"""

import builtins
import json
import os
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import confinement
import peer

del sys.path[0]

# What solutions usually import, so that forked processes have it already.
import bisect, cmath, collections, copy, datetime, decimal, fractions, functools, hashlib, heapq, itertools, math  # noqa
import operator, random, re, statistics, string, typing  # noqa


def read_exactly(descriptor, size):
    data = b""
    while len(data) < size:
        part = os.read(descriptor, size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def read_message(descriptor):
    (size,) = struct.unpack(">I", read_exactly(descriptor, 4))
    return json.loads(read_exactly(descriptor, size))


def write_message(descriptor, message):
    data = json.dumps(message).encode()
    data = struct.pack(">I", len(data)) + data
    while data:
        data = data[os.write(descriptor, data) :]


def run_program(request, sock, folder):
    """The program's process: it is confined, loads the program, and answers calls. Never returns."""
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        kept = sock.fileno()
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.closerange(3, kept)
        os.closerange(kept + 1, 256)
        os.environ.clear()
        os.chdir(folder)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        end = peer.Peer(peer.Channel(sock), trusted=False)
        seconds = int(request["timeLimit"] / 1000) + 2
        confinement.confine(folder, request["memoryLimit"] << 20, seconds)
        # Not __main__: what a solution does when it is run as a script is not asked for.
        module = type(sys)("solution")
        sys.modules["solution"] = module
        scope = module.__dict__
        code = request["program"]
        end.channel.send(load(end, lambda: exec(compile(code, "solution.py", "exec"), scope), scope))
        while True:
            end.channel.send(end.answer(end.channel.receive()))
    except BaseException:
        pass
    finally:
        os._exit(0)


def run_tests(sock, deadline, result):
    """The tests' process: it reads the tests, runs them, and writes the verdict. Never returns."""
    verdict = {"passed": False, "reason": "the tests ended the process"}
    try:
        confinement.end_with_parent()
        request = read_message(0)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        end = peer.Peer(peer.Channel(sock, deadline), trusted=True)
        loaded = end.channel.receive()
        if not isinstance(loaded, dict) or not isinstance(loaded.get("names"), list):
            raise peer.Ended("the answer is not readable")
        if "error" in loaded:
            raise end.exception(loaded["error"])
        scope = {"__name__": "__tests__"}
        names = [(str(name), end.decode(value)) for name, value in loaded["names"] if not str(name).startswith("__")]
        # A program may call a function len; the tests mean their own.
        scope.update((name, value) for name, value in names if value is not None and not hasattr(builtins, name))
        helpers = helpers_of(request.get("context") or "")
        scope.update(helpers)
        entry = request.get("entryPoint")
        if entry is not None:
            tested = dict(names).get(entry)
            if tested is None:
                raise NameError("name '" + entry + "' is not defined")
            scope[entry] = scope["candidate"] = tested
        tests = request["tests"]
        exec(compile(tests, "tests.py", "exec"), scope)
        # HumanEval's tests define check and leave the call to whoever runs them.
        is_called = any(line.startswith("check(") for line in tests.splitlines())
        if entry is not None and callable(scope.get("check")) and "def check(" in tests and not is_called:
            scope["check"](scope["candidate"])
        verdict = {"passed": True, "reason": None}
    except peer.Ended as error:
        verdict = {"passed": False, "reason": str(error)}
    except BaseException as error:
        verdict = {"passed": False, "reason": (type(error).__name__ + ": " + str(error))[:500]}
    finally:
        try:
            write_message(result, verdict)
        finally:
            os._exit(0)


def helpers_of(context):
    """What trusted code defines; an unfinished function at its end counts as one that does nothing."""
    for ending in ("", "\n    pass\n"):
        scope = {"__name__": "__tests__"}
        try:
            exec(compile(context + ending, "context.py", "exec"), scope)
        except SyntaxError:
            continue
        return {name: value for name, value in scope.items() if not name.startswith("__")}
    return {}


def load(end, execute, scope):
    """Loads the program and describes the names that it defines."""
    failure = None
    try:
        execute()
    except BaseException as error:
        failure = [type(error).__name__, str(error)[:500]]
    names = []
    for name, value in [] if failure else list(scope.items()):
        if name.startswith("__"):
            continue
        try:
            names.append([name, end.encode(value)])
        except BaseException:
            continue
    return {"names": names, **({"error": failure} if failure else {})}


def fork(body):
    process = os.fork()
    if process == 0:
        body()
        os._exit(1)
    return process


def end_process(process, group=False):
    for kill in (os.killpg, os.kill) if group else (os.kill,):
        try:
            kill(process, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    try:
        os.waitpid(process, 0)
    except ChildProcessError:
        pass


def supervise(request):
    started = time.monotonic()
    limit = request["timeLimit"] / 1000
    folder = tempfile.mkdtemp(prefix="grpo-ts-python-")
    ours, theirs = socket.socketpair()
    read_end, write_end = os.pipe()
    try:
        program = fork(lambda: run_program(request, theirs, folder))
        theirs.close()
        tests = fork(lambda: run_tests(ours, started + limit, write_end))
        os.close(write_end)
        ours.close()
        verdict = None
        if select.select([read_end], [], [], limit + 1)[0]:
            try:
                verdict = read_message(read_end)
            except (EOFError, ValueError):
                pass
        end_process(program, group=True)
        end_process(tests)
        # Without a verdict, the second message may be half read.
        is_reusable = verdict is not None
        reason = "time limit of %d ms" % request["timeLimit"]
        if verdict is None or verdict["reason"] == "time limit":
            verdict = {"passed": False, "reason": reason}
        return {"result": verdict, "reusable": is_reusable}
    finally:
        os.close(read_end)
        shutil.rmtree(folder, ignore_errors=True)


def main():
    confinement.hide_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    write_message(1, {"ready": True})
    while True:
        try:
            request = read_message(0)
        except EOFError:
            return
        outcome = supervise(request)
        write_message(1, outcome)
        if not outcome["reusable"]:
            return


main()
