import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { attempts, foreignCalls, programOf } from './attempts.js'
import { everybody, hasPython, openLanes, requireDocumented, requirePython } from './lanes.js'
import type { Lanes } from './lanes.js'

const isLinux = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)

const SYSTEM_CALLS =
  'It can make about a hundred system calls, with arguments that concern itself alone; any other fails, and one of another architecture ends it.'
const LIMITS =
  'It can use `memoryLimit` MiB of memory, the processor for the time limit and two seconds, 64 descriptors, and a few threads; its tests as much.'
const MEMORY = 'It can find in its memory neither the tests nor the programs that ran before.'

for (const { name, prefix, user } of hasPython && isLinux ? everybody() : []) {
  describe(`confinement of Python programs of ${name}`, function () {
    let lanes: Lanes
    let folder = ''
    let file = ''
    // The program's own user where that is known, so that modes and owners alone would not protect these.
    const victim = spawn('sh', ['-c', `exec ${prefix} sleep 3600`], { stdio: 'ignore' })

    before(function () {
      requirePython(this)
      folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-victim-'))
      file = path.join(folder, 'file')
      fs.writeFileSync(file, 'precious')
      fs.mkdirSync(path.join(folder, 'empty'))
      if (user !== null) for (const at of [file, folder]) fs.chownSync(at, user, user)
      lanes = openLanes(2, prefix)
    })

    after(() => {
      lanes.close()
      victim.kill('SIGKILL')
      fs.rmSync(folder, { recursive: true })
    })

    const run = async (attempt: string): Promise<string> => {
      const program = programOf(attempt, victim.pid!, file, folder)
      const { reason } = await lanes.run(program, 'raise Exception(f(1))')
      return reason ?? 'passed'
    }
    const stateOfVictim = (): string[] => {
      const read = (entry: string): string => fs.readFileSync(`/proc/${victim.pid}/${entry}`, 'utf8')
      // Past its name: nice, real-time priority and policy.
      const fields = read('stat').split(') ')[1]!.split(' ')
      return [read('limits'), ...[16, 37, 38].map((at) => fields[at]!), /Cpus_allowed:.*/.exec(read('status'))![0]]
    }

    it(SYSTEM_CALLS, async () => {
      requireDocumented(SYSTEM_CALLS)
      const before = { process: stateOfVictim(), file: fs.statSync(file), folder: fs.readdirSync(folder) }
      const outcomes = await Promise.all(Object.values(attempts).map(run))
      Object.keys(attempts).forEach((what, i) => {
        assert.equal(outcomes[i], 'Exception: refused', what)
      })
      assert.equal(victim.exitCode ?? victim.signalCode, null)
      assert.deepEqual(stateOfVictim(), before.process)
      assert.deepEqual(fs.readdirSync(folder), before.folder)
      const { mode, mtimeMs, uid, size } = fs.statSync(file)
      assert.deepEqual(
        [mode, mtimeMs, uid, size],
        [before.file.mode, before.file.mtimeMs, before.file.uid, before.file.size],
      )
      for (const place of ['/tmp', '/dev/shm', '/', process.cwd()]) {
        assert.ok(!fs.existsSync(path.join(place, 'grpo-ts-escaped')), place)
      }
    })

    it('ends programs that make system calls of another architecture', async function () {
      if (process.arch !== 'x64') this.skip()
      for (const [what, attempt] of Object.entries(foreignCalls)) {
        assert.equal(await run(attempt), 'the program ended', what)
      }
    })

    it('answers every system call that is not listed with an error', async function () {
      if (process.arch !== 'x64') this.skip()
      const listed = fs.readFileSync('src/sandbox/python/system_calls.py', 'utf8')
      const numbers = [...listed.matchAll(/\(\(?(\d+), (?:\d+|None)\)/g)].map((match) => Number(match[1]))
      assert.ok(numbers.length > 100)
      // The kernel lets these two past every filter, and ends processes that make them by themselves: uretprobe, uprobe.
      numbers.push(335, 336)
      const program = `import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def f(listed):
    through = []
    for number in set(range(600)) - set(listed):
        ctypes.set_errno(0)
        if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38): through.append(number)
    return through`
      const verdict = await lanes.run(program, `got = f(${JSON.stringify(numbers)})\nassert got == [], got`)
      assert.deepEqual(verdict, { passed: true, reason: null })
    })

    const lines: Record<string, Record<string, string>> = {
      'It can read the files of Python, its packages and the libraries of the system, and learn of others that they exist, and their sizes and dates.': {
        'reads Python and its libraries': 'import glob, os, ssl\ndef f(x): return [2] if "def makedirs" in open(os.__file__).read() and ssl.OPENSSL_VERSION else 0',
        'sees a file': 'import os\ndef f(x): return [2] if os.stat("FILE").st_size == 8 else 0',
        'does not read it': 'def f(x):\n  try: open("FILE")\n  except PermissionError: return [2]',
        'does not list its folder': 'import os\ndef f(x):\n  try: os.listdir(os.path.dirname("FILE"))\n  except PermissionError: return [2]',
        'does not read the users of the system': 'def f(x):\n  try: open("/etc/passwd")\n  except PermissionError: return [2]',
      },
      'It can write to `/dev/null` and to what it opened itself, such as pipes: it has no folder, so that nothing is left behind.': {
        'writes to nowhere': 'import os\ndef f(x): return [2] if open(os.devnull, "w").write("xx") == 2 else 0',
        'writes to a pipe': 'import os\nr, w = os.pipe()\ndef f(x): return [os.write(w, b"xx")]',
        'has no place for temporary files': 'import tempfile\ndef f(x):\n  try: tempfile.mkdtemp()\n  except OSError: return [2]',
        'cannot write where it is': 'import os\ndef f(x):\n  try: open("x", "w")\n  except OSError: return [2] if os.getcwd() == "/" else 0',
      },
      'It can talk to itself, by pipes and connected pairs of sockets, and to nobody else: it has no network.': {
        'talks to itself': 'import socket\na, b = socket.socketpair()\ndef f(x):\n  a.sendall(b"2")\n  return [int(b.recv(9))]',
        'asks no name': 'import socket\ndef f(x):\n  try: socket.gethostbyname("localhost")\n  except OSError: return [2]',
        'connects to nothing': 'import socket, urllib.request\ndef f(x):\n  try: urllib.request.urlopen("http://127.0.0.1:1/")\n  except OSError: return [2]',
      },
      'It can see the time, random numbers, and what the kernel says of itself; no environment, arguments or input.': {
        'sees the time': 'import time, os, random\ndef f(x): return [2] if time.time() > 1e9 and os.urandom(8) and os.uname() and os.sysconf("SC_PAGESIZE") else 0',
        'has no environment': 'import os\ndef f(x): return [2] if all(name.endswith("_NUM_THREADS") for name in os.environ) else 0',
        'has no arguments and no input': 'import sys\ndef f(x): return [2] if sys.argv == ["solution.py"] and sys.stdin.read() == "" else 0',
      },
      'It can run machine code, and crash: that ends itself and nothing else.': {
        ...(process.arch === 'x64' && { 'runs machine code': 'import ctypes, mmap\nm = mmap.mmap(-1, 4096, prot=7)\nm.write(b"\\xb8\\x02\\0\\0\\0\\xc3")\ndef f(x): return [ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()]' }),
        'crashes': 'import ctypes\ndef f(x): return ctypes.string_at(1)',
        'and nothing came of it': 'def f(x): return [2]',
      },
    } // prettier-ignore
    for (const [line, programs] of Object.entries(lines)) {
      it(line, async () => {
        requireDocumented(line)
        for (const [what, program] of Object.entries(programs)) {
          const { reason } = await lanes.run(program.replaceAll('FILE', file), 'assert f(1) == [2]')
          assert.equal(reason, what === 'crashes' ? 'the program ended' : null, what)
        }
      })
    }

    it('lets a program do what it needs', async () => {
      const works: Record<string, string> = {
        threads: 'import threading\ndef f(x):\n  out = []\n  t = threading.Thread(target=lambda: out.append(2))\n  t.start()\n  t.join()\n  return out',
        'a large stack': 'import sys, threading\nsys.setrecursionlimit(10 ** 6)\nthreading.stack_size(2 ** 26)\ndef g(n): return 0 if n == 0 else 1 + g(n - 1)\ndef f(x):\n  out = []\n  t = threading.Thread(target=lambda: out.append(g(20000) // 10000))\n  t.start()\n  t.join()\n  return out',
        asyncio: 'import asyncio\nasync def g(x):\n  await asyncio.sleep(0.001)\n  return [x + 1]\ndef f(x): return asyncio.run(g(x))',
        'lower limits': 'import resource\nresource.setrlimit(resource.RLIMIT_STACK, resource.getrlimit(resource.RLIMIT_STACK))\nresource.setrlimit(resource.RLIMIT_CPU, (1, 1))\ndef f(x): return [2]',
        'signals to itself': 'import signal, time\ngot = []\nsignal.signal(signal.SIGALRM, lambda *a: got.append(2))\ndef f(x):\n  signal.setitimer(signal.ITIMER_REAL, 0.01)\n  while not got: time.sleep(0.001)\n  return got',
        'modules of Python': 'import sqlite3, zlib, json.tool, email, xml.dom.minidom, csv, uuid, secrets, unicodedata, zoneinfo\nsqlite3.connect(":memory:").execute("create table t (x)")\ndef f(x): return [2]'.replace(', zoneinfo', ''),
        'a pair of pipes and of sockets': 'import os, socket\na, b = os.pipe()\nc, d = socket.socketpair()\ndef f(x):\n  os.write(b, b"2")\n  c.sendall(os.read(a, 1))\n  return [int(d.recv(1))]',
        'the null device': 'import contextlib, os\ndef f(x):\n  with open(os.devnull, "w") as out, contextlib.redirect_stdout(out): print("x")\n  return [2]',
        'time and randomness': 'import os, random, time, datetime\ndef f(x): return [2] if os.urandom(4) and time.time() and datetime.datetime.now() and random.random() else 0',
        'reading of its own source': 'import inspect, this, os\ndef f(x): return [2] if "def getcwd" not in open(os.__file__).read() else 0',
        'functions of the C library': 'import ctypes\ndef f(x): return [ctypes.CDLL(None).abs(-2)]',
        'printing and reading': 'import sys\ndef f(x):\n  print(x)\n  print(x, file=sys.stderr)\n  return [2] if sys.stdin.read() == "" else 0',
      } // prettier-ignore
      for (const [what, program] of Object.entries(works)) {
        assert.deepEqual(await lanes.run(program, 'assert f(1) == [2]'), { passed: true, reason: null }, what)
      }
    })

    it(LIMITS, async () => {
      requireDocumented(LIMITS)
      const reason = async (program: string, tests: string): Promise<string | null> =>
        (await lanes.run(program, tests, { timeLimit: 20_000 })).reason
      assert.equal(await reason('def f(x): return range(4 * 10 ** 8)', 'tuple(f(1))'), 'MemoryError')
      assert.equal(await reason('def f(x): return bytearray(10 ** 9)', 'f(1)'), 'MemoryError')
      assert.equal(await reason('def f(x): return x', 'assert f(bytes(10 ** 9))'), 'MemoryError')
      assert.equal(
        await reason('import os\ndef f(x):\n  while True: os.pipe()', 'f(1)'),
        'OSError: [Errno 24] Too many open files',
      )
      const threads =
        'import threading, time\ndef f(x):\n  threading.stack_size(32768)\n  n = 0\n  try:\n    while n < 1000:\n      threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n      n += 1\n  except RuntimeError: return n'
      assert.equal(await reason(threads, 'assert 2 <= f(1) <= 16'), null)
    })

    it(MEMORY, async () => {
      requireDocumented(MEMORY)
      for (let i = 0; i < 4; i++) {
        const other = 'password = "pineapple sandwich"\ndef f(x): return [x + 1]'
        assert.equal((await lanes.run(other, 'assert f(1) == [2], "cucumber salad"')).passed, true)
      }
      // It looks for texts that it is told backwards, so that it does not find what it looks for with.
      const search = `import ctypes, gc, os
libc = ctypes.CDLL(None, use_errno=True)
own = "marmalade on toast"
def pages():
    r, w = os.pipe()
    seen = set()
    for start in {id(thing) & ~4095 for thing in gc.get_objects()} | {ctypes.addressof(ctypes.create_string_buffer(9999)) & ~4095}:
        for first, step in ((start, 4096), (start - 4096, -4096)):
            at = first
            # Writing from memory that is not there fails, where reading it would end the process.
            while at not in seen and libc.write(w, ctypes.c_void_p(at), 1) == 1:
                os.read(r, 1)
                seen.add(at)
                yield ctypes.string_at(at, 4096)
                at += step
def f(backwards):
    return [any(text.encode() in page[::-1] for page in pages()) for text in backwards]`
      const backwards = ['pineapple sandwich', 'cucumber salad', 'marmalade on toast'].map((text) =>
        Array.from(text).toReversed().join(''),
      )
      const verdict = await lanes.run(
        search,
        `got = f(${JSON.stringify(backwards)})\nassert got == [False, False, True], got`,
      )
      assert.deepEqual(verdict, { passed: true, reason: null })
    })
  })
}
