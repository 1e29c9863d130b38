"""The system calls that a confined process may make: a filter of seccomp that lets these through and refuses all others.

What is not listed fails with EPERM. That keeps a program from everything that reaches beyond itself: new processes, signals,
limits, priorities and memory of other processes, owners and modes of files, sockets with addresses, timers and locks that
are counted for the whole user, and whatever later kernels add.
"""

import ctypes
import errno
import json
import struct

PR_SET_SECCOMP = 22
ALLOW, DENY, UNKNOWN, END = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS, 0x80000000
# Newer calls than this table knows do not exist, so that the C library takes older ones.
LAST = 450

# By machine: the architecture as audit names it, and the column of the numbers below.
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

# Numbers on x86_64 and on aarch64; None where there is no such call.
FREE = {
    # Reading and writing of what is open.
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67), "preadv": (295, 69),
    "preadv2": (327, 286), "pwrite64": (18, 68), "lseek": (8, 62), "close": (3, 57), "close_range": (436, 436),
    "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "pipe": (22, None), "pipe2": (293, 59),
    "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72), "epoll_create": (213, None),
    "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, None), "epoll_pwait": (281, 22),
    "epoll_pwait2": (441, 441), "eventfd": (284, None), "eventfd2": (290, 19),
    # Looking at files.
    "fstat": (5, 80), "stat": (4, None), "lstat": (6, None), "newfstatat": (262, 79), "statx": (332, 291),
    "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439), "readlink": (89, None), "readlinkat": (267, 78),
    "getdents": (78, None), "getdents64": (217, 61), "getcwd": (79, 17), "chdir": (80, 49), "fchdir": (81, 50),
    # Memory, signals to itself by the kernel, clocks, threads.
    "munmap": (11, 215), "mprotect": (10, 226), "mremap": (25, 216), "brk": (12, 214),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "sigaltstack": (131, 132), "pause": (34, None),
    "alarm": (37, None), "getitimer": (36, 102), "setitimer": (38, 103), "restart_syscall": (219, 128),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101),
    "gettimeofday": (96, 169), "time": (201, None), "times": (100, 153), "getrusage": (98, 165),
    "futex": (202, 98), "set_robust_list": (273, 99), "set_tid_address": (218, 96), "rseq": (334, 293),
    "sched_yield": (24, 124), "getcpu": (309, 168), "exit": (60, 93), "exit_group": (231, 94), "getrandom": (318, 278),
    # Who and where it is.
    "getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173), "getuid": (102, 174), "geteuid": (107, 175),
    "getgid": (104, 176), "getegid": (108, 177), "getresuid": (118, 148), "getresgid": (120, 150), "getgroups": (115, 158),
    "getpgrp": (111, None), "uname": (63, 160), "sysinfo": (99, 179), "getrlimit": (97, 163), "setrlimit": (160, 164),
    "wait4": (61, 260), "waitid": (247, 95),
    # What remains of sockets: a connected pair.
    "recvfrom": (45, 207), "shutdown": (48, 210), "getsockopt": (55, 209), "getsockname": (51, 204), "getpeername": (52, 205),
}  # fmt: skip

AF_UNIX, SOCK_STREAM, SOCK_TYPE = 1, 1, 0xF
CLONE_THREAD, CLONE_NAMESPACES = 0x10000, 0x7E020000
MAP_LOCKED, MAP_HUGETLB = 0x2000, 0x40000
# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC.
DESCRIPTOR_COMMANDS = (0, 1, 2, 3, 1030)
F_SETFL = 4
O_ASYNC = 0x2000
# O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_TMPFILE.
O_WRITES = 0x1 | 0x2 | 0x40 | 0x200 | 0x400000
# Reads of a terminal's settings and size, of what waits to be read; blocking; inheritance.
IOCTLS = (0x5401, 0x802C542A, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
# Normal, random, sequential, will need, do not need, free, with and without huge pages.
ADVICE = (0, 1, 2, 3, 4, 8, 14, 15)
PR_SET_NAME, PR_GET_NAME = 15, 16

# What may be called with some arguments only: numbers, and alternatives of conditions that must all hold. An argument is
# compared in its lower 32 bits, which are all that the kernel looks at in these places.
CONDITIONAL = {
    "mmap": ((9, 222), [[("clear", 3, MAP_LOCKED | MAP_HUGETLB)]]),
    "madvise": ((28, 233), [[("among", 2, ADVICE)]]),
    "clone": ((56, 220), [[("set", 0, CLONE_THREAD), ("clear", 0, CLONE_NAMESPACES)]]),
    "fcntl": ((72, 25), [[("among", 1, DESCRIPTOR_COMMANDS)], [("among", 1, (F_SETFL,)), ("clear", 2, O_ASYNC)]]),
    "ioctl": ((16, 29), [[("among", 1, IOCTLS)]]),
    "prctl": ((157, 167), [[("among", 0, (PR_SET_NAME, PR_GET_NAME))]]),
    "prlimit64": ((302, 261), [[("among", 0, (0,))]]),
    "sched_getaffinity": ((204, 123), [[("among", 0, (0,))]]),
    "getpgid": ((121, 155), [[("among", 0, (0,))]]),
    "getsid": ((124, 156), [[("among", 0, (0,))]]),
    "socketpair": ((53, 199), [[("among", 0, (AF_UNIX,)), ("masked", 1, SOCK_TYPE, SOCK_STREAM)]]),
    # Without an address.
    "sendto": ((44, 206), [[("null", 4)]]),
}
READ_ONLY = {"open": ((2, None), [[("clear", 1, O_WRITES)]]), "openat": ((257, 56), [[("clear", 2, O_WRITES)]])}
# Threads are made by clone, whose flags are seen, where there is no clone3.
CLONE3 = (435, 435)

LOAD, EQUAL, AT_LEAST, BITS, AND, GO, GIVE = 0x20, 0x15, 0x35, 0x45, 0x54, 0x05, 0x06


def filter_of(machine, may_write):
    """
    The filter as a list of instructions (code, jump if true, jump if false, operand), or None for an unknown machine.
    With `may_write`, files may be opened for writing: something else decides which.
    """
    if machine not in MACHINES:
        return None
    architecture, column = MACHINES[machine]
    leaves = {numbers[column]: [(GIVE, 0, 0, ALLOW)] for numbers in FREE.values()}
    for name, (numbers, alternatives) in {**CONDITIONAL, **READ_ONLY}.items():
        is_free = may_write and name in READ_ONLY
        leaves[numbers[column]] = [(GIVE, 0, 0, ALLOW)] if is_free else [*conditions(alternatives), (GIVE, 0, 0, DENY)]
    leaves[CLONE3[column]] = [(GIVE, 0, 0, UNKNOWN)]
    ranges = []
    for number in range(LAST + 1):
        leaf = leaves.get(number, [(GIVE, 0, 0, DENY)])
        if not ranges or ranges[-1][1] != leaf:
            ranges.append((number, leaf))
    ranges.append((LAST + 1, [(GIVE, 0, 0, UNKNOWN)]))
    # x32, which has numbers from 2^30, and calls of another architecture end the process.
    ranges.append((1 << 30, [(GIVE, 0, 0, END)]))
    start = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, architecture), (GIVE, 0, 0, END), (LOAD, 0, 0, 0)]
    return start + search(ranges)


def search(ranges):
    """Instructions that find the last of the ranges (first number, instructions) whose first number is not above the call's."""
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    below, above = search(ranges[:middle]), search(ranges[middle:])
    jump = [(AT_LEAST, 0, 1, ranges[middle][0]), (GO, 0, 0, len(below))]
    if len(below) < 256:
        jump = [(AT_LEAST, len(below), 0, ranges[middle][0])]
    return [*jump, *below, *above]


def conditions(alternatives):
    """Instructions that let a call through when all conditions of an alternative hold, and go on otherwise."""
    code = []
    for alternative in alternatives:
        tests = [test for condition in alternative for test in tests_of(*condition)]
        # Past the tests that follow, and the permission.
        lengths = [len(test) for test in tests]
        for at, test in enumerate(tests):
            rest = sum(lengths[at + 1 :]) + 1
            code += [(kind, rest if yes == "no" else yes, rest if no == "no" else no, value) for kind, yes, no, value in test]
        code.append((GIVE, 0, 0, ALLOW))
    return code


def tests_of(kind, argument, *operands):
    """Lists of instructions of a condition; a jump to "no" is taken where it does not hold."""
    low = 16 + 8 * argument
    load, equal = [(LOAD, 0, 0, low)], (EQUAL, 0, "no")
    if kind == "null":
        return [load, [(*equal, 0)], [(LOAD, 0, 0, low + 4)], [(*equal, 0)]]
    if kind == "masked":
        mask, value = operands
        return [load, [(AND, 0, 0, mask)], [(*equal, value)]]
    if kind == "among":
        last = len(operands[0]) - 1
        return [load, [(EQUAL, last - i, "no" if i == last else 0, value) for i, value in enumerate(operands[0])]]
    return [load, [(BITS, 0, "no", operands[0]) if kind == "set" else (BITS, "no", 0, operands[0])]]


class Filter:
    """The filter as the kernel takes it."""

    def __init__(self, code):
        # What the header points at has to stay.
        self.program = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in code))
        self.header = ctypes.create_string_buffer(struct.pack("@HP", len(code), ctypes.addressof(self.program)))

    def install(self, libc):
        """Confines the running process, which must have set PR_SET_NO_NEW_PRIVS, for good. Raises an OSError if that fails."""
        if libc.prctl(PR_SET_SECCOMP, 2, ctypes.c_void_p(ctypes.addressof(self.header)), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the filter of system calls cannot be installed")


if __name__ == "__main__":
    print(json.dumps({f"{machine} {may_write}": filter_of(machine, may_write) for machine in MACHINES for may_write in (0, 1)}))
