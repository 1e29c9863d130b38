"""Takes from a process what the system lets it take: files, network, other processes, memory and time.

Nothing here needs privileges. What a system lacks is left out; docs/sandbox.md says what remains then.
"""

import ctypes
import os
import platform
import resource
import struct
import sys

PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 4, 22, 1, 38
CLONE_THREAD, CLONE_NEWUSER, CLONE_NEWNET = 0x10000, 0x10000000, 0x40000000
NOBODY = 65534

# System calls that no solution of a problem needs, with their numbers on x86_64 and aarch64.
SYSTEM_CALLS = {
    "socket": (41, 198),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "userfaultfd": (323, 282),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "mknodat": (259, 33),
    "setpriority": (141, 140),
    "sched_setaffinity": (203, 122),
    "memfd_create": (319, 279),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
}
# By machine: the audit architecture, the column of SYSTEM_CALLS, and the numbers of clone and clone3.
MACHINES = {"x86_64": (0xC000003E, 0, 56, 435), "aarch64": (0xC00000B7, 1, 220, 435)}


def libc():
    return ctypes.CDLL(None, use_errno=True)


def hide_memory():
    """Keeps other processes of the same user from reading this one."""
    if sys.platform == "linux":
        libc().prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def end_with_parent():
    """Ends the running process when its parent ends, however that happens."""
    if sys.platform == "linux":
        libc().prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)


def confine(folder, memory_bytes, seconds):
    """Confines the running process, which may then write to `folder` alone."""
    set_limits(memory_bytes, seconds)
    if sys.platform != "linux":
        return
    c = libc()
    has_filter = platform.machine() in MACHINES
    if not has_filter:
        # Without a filter of system calls, a network of its own with nothing in it is the next best thing.
        c.unshare(CLONE_NEWNET if os.getuid() == 0 else CLONE_NEWUSER | CLONE_NEWNET)
    if os.getuid() == 0:
        give_up_privileges(c, folder)
    # After the change of user, which would undo it.
    end_with_parent()
    c.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    c.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    restrict_files(c, folder)
    if has_filter:
        filter_system_calls(c)


def give_up_privileges(c, folder):
    """Becomes nobody; where nobody may not read Python's own files, stays root but without the powers of root."""
    if is_readable_by_all(os.__file__) and is_readable_by_all(os.path.dirname(folder)):
        os.chown(folder, NOBODY, NOBODY)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    else:
        header = ctypes.create_string_buffer(struct.pack("<Ii", 0x20080522, 0))
        if c.capset(header, ctypes.create_string_buffer(24)) != 0:
            raise OSError(ctypes.get_errno(), "the powers of root cannot be given up")


def is_readable_by_all(path):
    while path != "/":
        mode = os.stat(path).st_mode
        if mode & 0o004 == 0 or (os.path.isdir(path) and mode & 0o001 == 0):
            return False
        path = os.path.dirname(path)
    return True


def set_limits(memory_bytes, seconds):
    limits = {
        "RLIMIT_AS": memory_bytes,
        "RLIMIT_CPU": seconds,
        "RLIMIT_FSIZE": 1 << 20,
        "RLIMIT_NOFILE": 64,
        "RLIMIT_CORE": 0,
        "RLIMIT_NPROC": 0,
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


def restrict_files(c, folder):
    """Landlock: reads of Python's own files and everything in `folder`; nothing else."""
    syscall = c.syscall
    abi = syscall(444, None, 0, 1)
    if abi < 1:
        return
    rights = (1 << 13) - 1
    if abi >= 2:
        rights |= 1 << 13
    if abi >= 3:
        rights |= 1 << 14
    read = (1 << 0) | (1 << 2) | (1 << 3)
    attributes = ctypes.create_string_buffer(struct.pack("<Q", rights), 8)
    rules = syscall(444, attributes, 8, 0)
    if rules < 0:
        return
    readable = {sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.__file__), *sys.path}
    readable |= {"/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo", "/dev/null", "/dev/urandom"}
    # A prefix such as / would open everything.
    readable = {path for path in readable if path.count("/") >= 2 or path in ("/lib", "/lib64", "/usr")}
    for path, allowed in [(folder, rights), *((path, read) for path in readable)]:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        if not os.path.isdir(path):
            allowed &= (1 << 0) | (1 << 1) | (1 << 2)
        rule = ctypes.create_string_buffer(struct.pack("<Qi", allowed, descriptor), 12)
        syscall(445, rules, 1, rule, 0)
        os.close(descriptor)
    syscall(446, rules, 0)
    os.close(rules)


def filter_system_calls(c):
    """seccomp: what is in SYSTEM_CALLS, and any new process, fails with EPERM; a system call of another machine ends the process."""
    arch, column, clone, clone3 = MACHINES[platform.machine()]
    allow, deny, unknown, end = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
    load, equal, at_least, bits, give = 0x20, 0x15, 0x35, 0x45, 0x06
    code = [(load, 0, 0, 4), (equal, 1, 0, arch), (give, 0, 0, end), (load, 0, 0, 0)]
    code += [(at_least, 0, 1, 0x40000000), (give, 0, 0, end)]
    for numbers in SYSTEM_CALLS.values():
        if numbers[column] is not None:
            code += [(equal, 0, 1, numbers[column]), (give, 0, 0, deny)]
    # Threads are fine; libraries fall back to clone when there is no clone3.
    code += [(equal, 0, 1, clone3), (give, 0, 0, unknown)]
    code += [(equal, 0, 3, clone), (load, 0, 0, 16), (bits, 1, 0, CLONE_THREAD), (give, 0, 0, deny)]
    code += [(give, 0, 0, allow)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(code), ctypes.addressof(program)))
    if c.prctl(PR_SET_SECCOMP, 2, ctypes.c_void_p(ctypes.addressof(header)), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the filter of system calls cannot be installed")
