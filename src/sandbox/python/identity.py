"""Who runs a program: a user, and where the kernel lets us, processes and a network, that are nobody else's."""

import ctypes
import os
import stat
import struct
import sys

PR_SET_KEEPCAPS, PR_SET_PDEATHSIG = 8, 1
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x08000000, 0x10000000, 0x20000000, 0x40000000
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1 << 1, 1 << 2
CAPABILITY_VERSION = 0x20080522
# Numbers of users that no distribution, container or service is given (systemd's docs/UIDS-GIDS.md), and how many we take.
FIRST_USER, USERS = 0x70000000, 0x08000000
NOBODY = 65534


def enter_namespaces(libc):
    """
    Moves what this process will fork into namespaces of its own: it sees no other process, has no network, and ends as a
    whole with its first process. Returns whether that was possible.
    """
    if sys.platform != "linux":
        return False
    # In a process that may be spoilt: half of it can be refused.
    trial = os.fork()
    if trial == 0:
        works = False
        try:
            works = unshare(libc)
        finally:
            os._exit(0 if works else 1)
    return os.waitpid(trial, 0)[1] == 0 and unshare(libc)


def unshare(libc):
    user, group = os.geteuid(), os.getegid()
    flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC
    if libc.unshare(flags if user == 0 else flags | CLONE_NEWUSER) != 0:
        return False
    if user == 0:
        return True
    try:
        for name, content in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open("/proc/self/" + name, "w") as file:
                file.write(content)
    except OSError:
        return False
    return True


def drop_capabilities(libc, kept=0):
    """Gives up all powers of root but those in `kept`. Raises an OSError if that fails."""
    if sys.platform != "linux":
        return
    sets = struct.pack("<6I", kept, kept, 0, 0, 0, 0)
    if libc.capset(struct.pack("<Ii", CAPABILITY_VERSION, 0), sets) != 0:
        raise OSError(ctypes.get_errno(), "the powers of root cannot be given up")


def permitted_capabilities(libc):
    header = ctypes.create_string_buffer(struct.pack("<Ii", CAPABILITY_VERSION, 0))
    sets = ctypes.create_string_buffer(24)
    return struct.unpack("<6I", sets.raw)[1] if libc.capget(header, sets) == 0 else 0


def new_user():
    """The first of two numbers of users that are most probably no one's: for a program and for its tests."""
    return FIRST_USER + 2 * (int.from_bytes(os.urandom(4), "big") % (USERS // 2))


def needed_capability(libc, may_read_all):
    """
    The power that another user needs to read Python's own files: none where all may read them; None where only root can,
    unless something else says which files may be read (`may_read_all`).
    """
    if is_readable_by_all(os.__file__):
        return 0
    powers = permitted_capabilities(libc)
    return (powers & CAP_DAC_READ_SEARCH or powers & CAP_DAC_OVERRIDE or None) if may_read_all else None


def become(libc, user, kept):
    """
    Root becomes `user` (or nobody, where there is no such number), without groups, and without powers but `kept`; it stays
    root, without powers, if that is None. Returns whether it is another user now.
    """
    if kept is not None:
        libc.prctl(PR_SET_KEEPCAPS, 1 if kept else 0, 0, 0, 0)
        for number in (user, NOBODY):
            try:
                os.setgroups([])
                os.setresgid(number, number, number)
                os.setresuid(number, number, number)
                break
            except OSError:
                continue
    drop_capabilities(libc, kept or 0)
    return os.getuid() != 0


def is_readable_by_all(path):
    path = os.path.realpath(path)
    needed = stat.S_IROTH
    while os.stat(path).st_mode & needed == needed:
        if path == "/":
            return True
        path, needed = os.path.dirname(path), stat.S_IXOTH
    return False


def end_with_parent(libc, parent):
    """Ends the running process when its parent ends, however that happens."""
    if sys.platform == "linux":
        libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
