/**
 * Attempts of a program to reach beyond itself, as Python statements that raise unless they succeed. They find the process
 * `victim`, the path of its file `file` and of a folder `folder` that they may write to for all that modes say, and
 * `call(name, ...)`, which calls a function of the C library and raises an OSError when that fails; `system(number, ...)` does
 * so by the number on x86-64.
 */
export const attempts: Readonly<Record<string, string>> = {
  // Signals to others, also by way of descriptors, and at the death of a parent.
  kill: 'os.kill(victim, 9)',
  'kill, to see whether it is there': 'os.kill(victim, 0)',
  'kill of the parent': 'os.kill(os.getppid(), 9)',
  'kill of everyone': 'os.kill(-1, 9)',
  'kill of the group': 'os.kill(0, 9)',
  killpg: 'os.killpg(victim, 9)',
  tkill: 'system(200, victim, 9)',
  tgkill: 'system(234, victim, victim, 9)',
  sigqueue: 'call("sigqueue", victim, 9, 0)',
  rt_tgsigqueueinfo: 'system(297, victim, victim, 9, bytes(128))',
  pidfd_open: 'system(434, victim, 0)',
  pidfd_send_signal: 'system(424, 0, 9, 0, 0)',
  F_SETOWN: 'fcntl.fcntl(pipe(), fcntl.F_SETOWN, victim)',
  F_SETOWN_EX: 'fcntl.fcntl(pipe(), 15, struct.pack("ii", 1, victim))',
  F_SETSIG: 'fcntl.fcntl(pipe(), 10, 9)',
  'O_ASYNC by F_SETFL': 'fcntl.fcntl(pipe(), fcntl.F_SETFL, 0o20000)',
  FIOSETOWN: 'fcntl.ioctl(pipe(), 0x8901, struct.pack("i", victim))',
  SIOCSPGRP: 'fcntl.ioctl(pair(), 0x8902, struct.pack("i", victim))',
  FIOASYNC: 'fcntl.ioctl(pair(), 0x5452, struct.pack("i", 1))',
  PR_SET_PDEATHSIG: 'call("prctl", 1, 0, 0, 0, 0)',
  PR_SET_CHILD_SUBREAPER: 'call("prctl", 36, 1, 0, 0, 0)',
  setsid: 'os.setsid()',
  setpgid: 'os.setpgid(0, 0)',
  F_NOTIFY: 'fcntl.fcntl(os.open(os.path.dirname(os.__file__), os.O_RDONLY), 1026, 1)',
  timer_create: 'call("timer_create", 0, 0, bytearray(64) and ctypes.create_string_buffer(64))',
  timerfd_create: 'call("timerfd_create", 0, 0)',
  // Limits, processor and memory of others.
  prlimit: 'resource.prlimit(victim, resource.RLIMIT_NOFILE, (3, 3))',
  'prlimit of the parent': 'resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))',
  'prlimit, to read': 'resource.prlimit(victim, resource.RLIMIT_NOFILE)',
  'more memory': 'resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))',
  'more processes': 'resource.setrlimit(resource.RLIMIT_NPROC, (1000, 1000))',
  sched_setscheduler: 'os.sched_setscheduler(victim, os.SCHED_IDLE, os.sched_param(0))',
  'sched_setscheduler for itself': 'os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))',
  sched_setparam: 'os.sched_setparam(victim, os.sched_param(0))',
  sched_setaffinity: 'os.sched_setaffinity(victim, {0})',
  sched_setattr: 'system(314, victim, bytes(48), 0)',
  setpriority: 'os.setpriority(os.PRIO_PROCESS, victim, 19)',
  'setpriority of the user': 'os.setpriority(os.PRIO_USER, 0, 19)',
  ioprio_set: 'system(251, 1, victim, 0x6000)',
  process_vm_readv: 'system(310, victim, 0, 0, 0, 0, 0)',
  process_vm_writev: 'system(311, victim, 0, 0, 0, 0, 0)',
  ptrace: 'call("ptrace", 16, victim, 0, 0)',
  PTRACE_TRACEME: 'call("ptrace", 0, 0, 0, 0)',
  kcmp: 'system(312, victim, victim, 0, 0, 0)',
  pidfd_getfd: 'system(438, 0, 0, 0)',
  process_madvise: 'system(440, 0, 0, 0, 21, 0)',
  process_mrelease: 'system(448, 0, 0)',
  migrate_pages: 'system(256, victim, 0, 0, 0)',
  move_pages: 'system(279, victim, 0, 0, 0, 0, 0)',
  userfaultfd: 'system(323, 0)',
  mlock: 'call("mlockall", 3)',
  MAP_HUGETLB: 'mapped(0x40022)',
  MADV_PAGEOUT: 'system(28, mapped(0x22), 4096, 21)',
  // Files: their contents, names, modes, owners, times, attributes, locks.
  chmod: 'os.chmod(file, 0o777)',
  fchmod: 'os.fchmod(os.open(os.__file__, os.O_RDONLY), 0o644)',
  fchmodat: 'os.chmod(os.path.basename(file), 0o777, dir_fd=os.open(folder, os.O_PATH))',
  fchmodat2: 'system(452, -100, file.encode(), 0o777, 0)',
  chown: 'os.chown(file, os.getuid(), os.getgid())',
  lchown: 'os.lchown(file, os.getuid(), os.getgid())',
  fchownat: 'system(260, -100, file.encode(), os.getuid(), os.getgid(), 0)',
  utime: 'os.utime(file, (1, 1))',
  'utime of a link': 'os.utime(file, (1, 1), follow_symlinks=False)',
  'utime by the old call': 'system(132, file.encode(), 0)',
  utimes: 'system(235, file.encode(), 0)',
  futimesat: 'system(261, -100, file.encode(), 0)',
  setxattr: 'os.setxattr(file, "user.x", b"1")',
  lsetxattr: 'os.setxattr(file, "user.x", b"1", follow_symlinks=False)',
  removexattr: 'os.removexattr(file, "user.x")',
  listxattr: 'os.listxattr(file)',
  'ioctl for attributes': 'fcntl.ioctl(os.open(os.__file__, os.O_RDONLY), 0x40086602, struct.pack("l", 16))',
  truncate: 'os.truncate(file, 0)',
  'opening for reading': 'open(file).read()',
  'opening for writing': 'open(file, "w")',
  'opening to append': 'open(file, "a")',
  'opening to empty': 'os.open(file, os.O_RDONLY | os.O_TRUNC)',
  'emptying of Python itself': 'os.open(os.__file__, os.O_RDONLY | os.O_TRUNC)',
  'a new file': 'open(folder + "/grpo-ts-escaped", "w")',
  'a file without a name': 'os.open(folder, os.O_TMPFILE | os.O_RDWR)',
  'a file in the temporary folder': 'open("/tmp/grpo-ts-escaped", "w")',
  'a file in memory': 'open("/dev/shm/grpo-ts-escaped", "w")',
  'a file where it is': 'open("grpo-ts-escaped", "w")',
  'a temporary file': '__import__("tempfile").TemporaryFile()',
  memfd_create: 'os.memfd_create("x")',
  mkdir: 'os.mkdir(folder + "/grpo-ts-escaped")',
  rmdir: 'os.rmdir(folder + "/empty")',
  rename: 'os.rename(file, file + "2")',
  link: 'os.link(file, folder + "/grpo-ts-escaped")',
  symlink: 'os.symlink(file, folder + "/grpo-ts-escaped")',
  unlink: 'os.unlink(file)',
  mkfifo: 'os.mkfifo(folder + "/grpo-ts-escaped")',
  mknod: 'os.mknod(folder + "/grpo-ts-escaped")',
  listdir: 'os.listdir(folder)',
  flock: 'fcntl.flock(os.open(os.__file__, os.O_RDONLY), fcntl.LOCK_EX)',
  lockf: 'fcntl.lockf(os.open(os.__file__, os.O_RDONLY), fcntl.LOCK_SH)',
  F_SETLEASE: 'fcntl.fcntl(os.open(os.__file__, os.O_RDONLY), 1024, 0)',
  F_SETPIPE_SZ: 'fcntl.fcntl(pipe(), 1031, 1 << 20)',
  sync: 'system(162)',
  posix_fadvise: 'os.posix_fadvise(os.open(os.__file__, os.O_RDONLY), 0, 0, 4)',
  name_to_handle_at: 'system(303, -100, file.encode(), bytes(64), bytes(8), 0)',
  open_by_handle_at: 'system(304, -100, bytes(64), 0)',
  inotify_init: 'call("inotify_init1", 0)',
  fanotify_init: 'system(300, 0, 0)',
  'memory of another process': 'open("/proc/%d/mem" % victim, "rb")',
  'environment of another process': 'open("/proc/%d/environ" % victim, "rb").read()',
  'descriptors of another process': 'os.listdir("/proc/%d/fd" % victim)',
  'its own memory as a file': 'open("/proc/self/mem", "rb")',
  terminal: 'open("/dev/tty")',
  'new terminal': 'os.openpty()',
  // Processes and programs.
  fork: 'os.fork()',
  vfork: 'system(58)',
  'clone without a thread': 'system(56, 17, 0, 0, 0, 0)',
  execve: 'os.execv("/bin/true", ["true"])',
  posix_spawn: 'os.posix_spawn("/bin/true", ["true"], {})',
  subprocess: '__import__("subprocess").run(["/bin/true"])',
  'os.system': 'if os.system("true") != 0: raise OSError',
  multiprocessing: '__import__("multiprocessing").Process(target=print).start()',
  // The network and other ways to talk.
  'socket: TCP': 'socket.socket()',
  'socket: UDP': 'socket.socket(type=socket.SOCK_DGRAM)',
  'socket: IPv6': 'socket.socket(socket.AF_INET6)',
  'socket: UNIX': 'socket.socket(socket.AF_UNIX)',
  'socket: netlink': 'socket.socket(16, socket.SOCK_RAW)',
  'socket: packets': 'socket.socket(17, socket.SOCK_RAW)',
  'socket: kernel crypto': 'socket.socket(38, 5)',
  'socket: VM': 'socket.socket(40)',
  'pair of datagram sockets': 'socket.socketpair(type=socket.SOCK_DGRAM)',
  bind: 'socket.socketpair()[0].bind("\\0grpo-ts-escaped")',
  connect: 'socket.socketpair()[0].connect("\\0grpo-ts-escaped")',
  listen: 'socket.socketpair()[0].listen()',
  setsockopt: 'socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)',
  sendmsg: 'socket.socketpair()[0].sendmsg([b"x"])',
  'sendto an address': 'socket.socketpair()[0].sendto(b"x", "\\0grpo-ts-escaped")',
  'name service': 'socket.getaddrinfo("localhost.example", 80)',
  shmget: 'call("shmget", 1234, 4096, 0o1666)',
  semget: 'call("semget", 1234, 1, 0o1666)',
  msgget: 'call("msgget", 1234, 0o1666)',
  mq_open: 'system(240, b"grpo-ts-escaped", 0o102, 0o666, 0)',
  add_key: 'system(248, b"user", b"x", b"y", 1, -3)',
  keyctl: 'system(250, 0, -3, 1)',
  request_key: 'system(249, b"user", b"x", 0, -3)',
  // The system.
  unshare: 'call("unshare", 0x10000000)',
  'unshare of the network': 'call("unshare", 0x40000000)',
  setns: 'call("setns", 0, 0)',
  mount: 'call("mount", b"none", b"/tmp", b"tmpfs", 0, 0)',
  umount: 'call("umount2", b"/tmp", 2)',
  chroot: 'os.chroot("/tmp")',
  pivot_root: 'system(155, b"/", b"/")',
  setuid: 'os.setuid(0)',
  setresuid: 'os.setresuid(0, 0, 0)',
  setgroups: 'os.setgroups([0])',
  capset: 'system(126, struct.pack("Ii", 0x20080522, 0), struct.pack("6I", 2, 2, 2, 0, 0, 0))',
  bpf: 'system(321, 0, 0, 0)',
  perf_event_open: 'system(298, 0, 0, -1, -1, 0)',
  io_uring_setup: 'system(425, 8, bytearray(120) and ctypes.create_string_buffer(120))',
  io_setup: 'system(206, 8, ctypes.create_string_buffer(8))',
  seccomp: 'system(317, 1, 0, 0)',
  landlock: 'system(444, 0, 0, 1)',
  personality: 'call("personality", 0x0040000)',
  modify_ldt: 'system(154, 0, 0, 0)',
  iopl: 'call("iopl", 3)',
  settimeofday: 'time.clock_settime(time.CLOCK_REALTIME, 1)',
  adjtimex: 'call("adjtimex", bytes(256))',
  sethostname: 'socket.sethostname("x")',
  syslog: 'system(103, 2, ctypes.create_string_buffer(64), 64)',
  init_module: 'system(175, 0, 0, 0)',
  finit_module: 'system(313, 0, 0, 0)',
  reboot: 'system(169, 0, 0, 0, 0)',
  kexec_load: 'system(246, 0, 0, 0, 0)',
  swapon: 'system(167, b"/x", 0)',
  acct: 'system(163, 0)',
  quotactl: 'system(179, 0, 0, 0, 0)',
  vhangup: 'system(153)',
  'a call that is not known yet': 'system(470)',
}

/** Programs of machine code that make system calls of other architectures; the kernel ends them. x86-64 only. */
export const foreignCalls: Readonly<Record<string, string>> = {
  'i386, by int 0x80': String.raw`
code = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"
memory = mmap.mmap(-1, 4096, prot=7)
memory.write(code)
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()`,
  x32: 'system(0x40000000 + 39)',
}

/** The program that makes an attempt: `f` returns "done", or "refused" if it raised. */
export function programOf(attempt: string, victim: number, file: string, folder: string): string {
  return `import ctypes, fcntl, mmap, os, resource, socket, struct, time
victim, file, folder = ${victim}, ${JSON.stringify(file)}, ${JSON.stringify(folder)}
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
def checked(result):
    if result == -1: raise OSError(ctypes.get_errno(), "refused")
    return result
def call(name, *args): return checked(getattr(libc, name)(*args))
def system(number, *args):
    if os.uname().machine != "x86_64": raise OSError("another machine")
    return checked(libc.syscall(number, *args))
def pipe(): return os.pipe()[0]
def pair(): return socket.socketpair()[0].detach()
def mapped(flags):
    at = libc.mmap(None, ctypes.c_size_t(4096), 3, flags, -1, ctypes.c_long(0))
    if at == ctypes.c_void_p(-1).value: raise OSError(ctypes.get_errno(), "refused")
    return ctypes.c_void_p(at)
def f(x):
    try:
${attempt
  .trim()
  .split('\n')
  .map((line) => `        ${line}`)
  .join('\n')}
    except (OSError, ValueError, AttributeError) as error:
        return "refused"
    return "done"
`
}
