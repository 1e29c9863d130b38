"""Runs programs against tests, one pair after the other: reads requests from stdin and writes verdicts to stdout.

A request is three messages (a length and JSON): the limits, the program, and the tests. The program and the tests are each
for a process of its own, forked from this one, which runs neither and reads neither: so no program finds in its memory the
tests, or the programs that were run before it.
"""

import gc
import os
import select
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import identity
from channel import read_message, write_message
from confinement import Confinement
from run_program import run_program
from run_tests import run_tests

del sys.path[0]

# What solutions usually import, so that forked processes have it already.
import bisect, cmath, collections, copy, datetime, decimal, fractions, functools, hashlib, heapq, itertools, math  # noqa
import operator, random, re, statistics, string, typing  # noqa

# For a process to be confined and to read its message, on a machine that is busy.
SETUP_SECONDS = 30
# Waiting for a processor counts from so many times the time limit on.
MAX_WAITED = 3
PROBE = {"timeLimit": 1000, "memoryLimit": 256}


class Deserted(Exception):
    """Nobody is there any more who wants to know."""


def fork(body):
    process = os.fork()
    if process == 0:
        try:
            body()
        finally:
            os._exit(1)
    return process


def end_process(process):
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.waitpid(process, 0)


class Clock:
    """Measures a run. Time in which its processes could have gone on, and were not given a processor, does not count."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.end = time.monotonic() + seconds
        self.processes = []

    def remaining(self):
        left = self.end - time.monotonic()
        if left > 0:
            return left
        return left + min(sum(map(waited, self.processes)), MAX_WAITED * self.seconds)


def waited(process):
    """Seconds in which a process waited for a processor; 0 where the kernel does not tell."""
    try:
        with open("/proc/%d/schedstat" % process) as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError, TypeError):
        return 0


def wait_for(descriptor, clock):
    """Whether there is something to read in time."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    # Node's pipes are sockets, of which only one side is shut.
    poll.register(0, getattr(select, "POLLRDHUP", 0))
    while True:
        left = clock.remaining()
        ready = dict(poll.poll(max(0, left) * 1000))
        if 0 in ready:
            raise Deserted
        if descriptor in ready or left <= 0:
            return descriptor in ready


def supervise(limits, confinement):
    """
    The verdict of the tests' process, None if it has none in time; and whether both processes have read their messages.
    """
    me = os.getpid()
    ours, theirs = socket.socketpair()
    pipes = loaded, write_loaded, result, write_result = [*os.pipe(), *os.pipe()]
    processes, verdict, is_read = [], None, False
    try:
        processes.append(fork(lambda: run_program(limits, confinement, theirs, write_loaded, me)))
        theirs.close()
        os.close(write_loaded)
        pipes.remove(write_loaded)
        # Both read from stdin, one after the other.
        if wait_for(loaded, Clock(SETUP_SECONDS)):
            clock = Clock(limits["timeLimit"] / 1000)
            clock.processes.append(read_message(loaded))
            processes.append(fork(lambda: run_tests(limits, confinement, ours, write_result, me)))
            os.close(write_result)
            pipes.remove(write_result)
            if wait_for(result, Clock(SETUP_SECONDS)):
                clock.processes.append(read_message(result))
                is_read = True
                if wait_for(result, clock):
                    verdict = read_message(result)
    except (EOFError, ValueError):
        verdict = {"passed": False, "reason": "the tests ended the process"} if is_read else None
    finally:
        for process in processes:
            end_process(process)
        for descriptor in pipes:
            os.close(descriptor)
        ours.close()
        theirs.close()
    return verdict, is_read


def probe(confinement):
    """What the confinement lacks here, as sentences. Raises an OSError if it cannot be put in force."""
    result, write_result = os.pipe()
    me = os.getpid()

    def body():
        try:
            message = {"missing": confinement.enforce(PROBE, is_program=True, parent=me)}
        except Exception as error:
            message = {"error": type(error).__name__ + ": " + str(error)}
        write_message(write_result, message)

    process = fork(body)
    os.close(write_result)
    try:
        message = read_message(result)
    except EOFError:
        message = {"error": "a confined process was ended"}
    os.close(result)
    os.waitpid(process, 0)
    if "error" in message:
        raise OSError(message["error"])
    return message["missing"]


def main():
    confinement = Confinement()
    confinement.prefer_to_end()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if identity.enter_namespaces(confinement.libc):
        process = os.fork()
        if process != 0:
            os.close(0)
            os.close(1)
            os.waitpid(process, 0)
            return
        # The parent is out of sight.
        identity.end_with_parent(confinement.libc, 0)
        confinement.has_namespaces = True
    confinement.hide_memory()
    try:
        confinement.prepare()
        write_message(1, {"missing": probe(confinement)})
    except OSError as error:
        write_message(1, {"error": str(error)})
        return
    gc.collect()
    gc.freeze()
    while True:
        try:
            limits = read_message(0)
        except EOFError:
            return
        verdict, is_read = supervise(limits, confinement)
        if verdict is None:
            reason = "time limit of %d ms" % limits["timeLimit"] if is_read else "the end of its sandbox"
            verdict = {"passed": False, "reason": reason}
        # What nobody has read would be taken for the next request.
        write_message(1, {"result": verdict, "reusable": is_read})
        if not is_read:
            return


try:
    main()
except (Deserted, BrokenPipeError):
    pass
