"""The process of a program: it is confined, loads the program, and answers calls."""

import os
import signal
import sys

from channel import Channel, read_message, write_message
from peer import PROGRAM, Peer

# Libraries that would start a thread for every core.
ENVIRONMENT = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")}


def run_program(limits, confinement, sock, loaded, parent):
    """Reads the program from stdin, writes its own number to `loaded`, and serves the tests. Never returns."""
    try:
        os.environ.clear()
        os.environ.update(ENVIRONMENT)
        sys.argv[:] = ["solution.py"]
        os.chdir("/")
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        confinement.enforce(limits, is_program=True, parent=parent)
        code = read_message(0)["program"]
        write_message(loaded, outer_number())
        keep_only(null, sock.fileno())
        end = Peer(Channel(sock), trusted=False, in_place=True)
        # Not __main__: what a solution does when it is run as a script is not asked for.
        module = type(sys)("solution")
        sys.modules["solution"] = end.objects[PROGRAM] = module
        end.channel.send(load(end, code, module.__dict__))
        while True:
            end.channel.send(end.answer(end.channel.receive()))
    except BaseException:
        pass
    finally:
        os._exit(0)


def keep_only(null, *kept):
    """Closes all that is open but `kept`; standard input, output and errors become `null`."""
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    first = 3
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, 256)


def outer_number():
    """The number of this process as /proc has it, which may be that of an outer namespace; None where there is no /proc."""
    try:
        return int(os.readlink("/proc/self"))
    except (OSError, ValueError):
        return None


def load(end, code, scope):
    """Loads the program; the names that it defines, or what it raised."""
    try:
        exec(compile(code, "solution.py", "exec"), scope)
    except BaseException as error:
        return {"error": end.described(error)}
    return {"value": [name for name in scope if type(name) is str and not name.startswith("__")]}
