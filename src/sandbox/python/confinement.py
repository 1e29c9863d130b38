"""Takes from a process what the system lets it take: files, network, other processes, memory and time.

Nothing here needs privileges; with those of root there is a user of its own for each lane. docs/sandbox.md says what a
program can still do, and what remains where a system lacks some of this.
"""

import ctypes
import os
import platform
import resource
import sys

import identity
import landlock
import system_calls

PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 4, 38
# Of a program and of its tests, on top of the processes that its user has: for a program that needs a large stack.
THREADS = 8


class Confinement:
    """What is prepared once and then put in force in every process."""

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.has_namespaces = False
        self.ruleset = None
        self.filter = None
        self.user = None
        self.kept = 0

    def prepare(self):
        self.ruleset = landlock.create_ruleset(self.libc)
        # Before ABI 3 Landlock lets files be emptied.
        may_write = self.ruleset is not None and landlock.version(self.libc) >= 3
        if sys.platform == "linux":
            code = system_calls.filter_of(platform.machine(), may_write)
            self.filter = None if code is None else system_calls.Filter(code)
        if os.geteuid() == 0:
            self.user = identity.new_user()
            self.kept = identity.needed_capability(self.libc, self.ruleset is not None)
        elif self.has_namespaces:
            # Those that the namespace gave; this process needs none.
            identity.drop_capabilities(self.libc)

    def prefer_to_end(self):
        """When memory runs out, this process and those that it forks are to go before any other."""
        try:
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write("1000")
        except OSError:
            pass

    def hide_memory(self):
        """Keeps other processes of the same user from reading this one."""
        if sys.platform == "linux":
            self.libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)

    def enforce(self, limits, is_program, parent):
        """
        Confines the running process, to `memoryLimit` MiB and to the processor for `timeLimit` ms, before it reads anything
        from outside. Returns what could not be had, as sentences. Raises an OSError when something that this system has is
        refused.
        """
        missing = []
        has_own_user = self.has_namespaces
        if self.user is not None:
            has_own_user = identity.become(self.libc, self.user + (0 if is_program else 1), self.kept)
            if not has_own_user:
                missing.append("programs run as root, without its powers: no other user can be taken, or read Python's files")
        # Threads are counted by user.
        can_count = has_own_user and self.filter is not None
        set_limits(limits["memoryLimit"] << 20, int(limits["timeLimit"] / 1000) + 2, THREADS if can_count else 0)
        # After the change of user, which would undo these.
        identity.end_with_parent(self.libc, parent)
        self.hide_memory()
        if sys.platform == "linux":
            self.libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if self.ruleset is None:
            missing.append("programs can read the files that this user can read: there is no Landlock")
        else:
            landlock.restrict(self.libc, self.ruleset)
        if self.filter is None:
            missing.append(
                "programs can write files, signal processes of this user and open connections: "
                "there is no filter of system calls for %s on %s" % (sys.platform, platform.machine())
            )
        else:
            self.filter.install(self.libc)
        return missing


def set_limits(memory_bytes, seconds, threads):
    limits = {
        "RLIMIT_AS": memory_bytes,
        "RLIMIT_CPU": seconds,
        "RLIMIT_NPROC": threads,
        "RLIMIT_NOFILE": 64,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
    }
    for name, value in limits.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):
            pass
