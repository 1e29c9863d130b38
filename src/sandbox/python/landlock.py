"""Landlock: which files a confined process may open (Python's own, for reading), and that it signals and connects to no one."""

import ctypes
import os
import struct
import sys

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
RULE_PATH_BENEATH = 1
WRITE_FILE, READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
# Of ABI 1: what can be done to files; 2: links between folders, 3: truncation, 5: commands to devices.
FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 5: 0xFFFF}
# Of ABI 4: binding and connecting of TCP. Of ABI 6: abstract UNIX sockets, signals.
NETWORK_RIGHTS = 0b11
SCOPES = 0b11


def version(libc):
    """The ABI of the kernel's Landlock; 0 if it has none."""
    return max(0, libc.syscall(CREATE_RULESET, None, 0, 1)) if sys.platform == "linux" else 0


def create_ruleset(libc):
    """The descriptor of a set of rules that any number of processes can be restricted with; None without Landlock."""
    abi = version(libc)
    if abi == 0:
        return None
    handled = FILE_RIGHTS[max(known for known in FILE_RIGHTS if known <= abi)]
    fields = [handled, *([NETWORK_RIGHTS] if abi >= 4 else []), *([SCOPES] if abi >= 6 else [])]
    attributes = struct.pack("<%dQ" % len(fields), *fields)
    ruleset = libc.syscall(CREATE_RULESET, ctypes.create_string_buffer(attributes, len(attributes)), len(attributes), 0)
    if ruleset < 0:
        return None
    for path in python_files():
        add_rule(libc, ruleset, path, READ_FILE | READ_DIR)
    for device in ("/dev/urandom", "/dev/random", "/dev/zero"):
        add_rule(libc, ruleset, device, READ_FILE)
    add_rule(libc, ruleset, os.devnull, READ_FILE | WRITE_FILE | (handled & FILE_RIGHTS[3] & ~FILE_RIGHTS[2]))
    return ruleset


def python_files():
    """Where Python, its packages and the libraries of the system lie."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, "/", "/usr"}
    libraries = {os.path.join(prefix, name) for prefix in prefixes for name in ("lib", "lib64")}
    others = {os.path.dirname(os.__file__), "/etc/ld.so.cache", "/usr/share/zoneinfo"}
    return libraries | others | {path for path in sys.path if os.path.isabs(path) and path != "/"}


def add_rule(libc, ruleset, path, rights):
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):
        rights &= ~READ_DIR
    rule = struct.pack("<Qi", rights, descriptor)
    libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, ctypes.create_string_buffer(rule, len(rule)), 0)
    os.close(descriptor)


def restrict(libc, ruleset):
    """Restricts the running process, which must have set PR_SET_NO_NEW_PRIVS. Raises an OSError if that fails."""
    if libc.syscall(RESTRICT_SELF, ruleset, 0) != 0:
        raise OSError(ctypes.get_errno(), "Landlock cannot be put in force")
