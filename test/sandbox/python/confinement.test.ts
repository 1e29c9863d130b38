import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { attempts, foreignCalls, programOf } from './attempts.js'
import { everybody, hasPython, openLanes, requirePython } from './lanes.js'
import type { Lanes } from './lanes.js'

const isLinux = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)

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

    it('lets a program do nothing to other processes, files, the network or the system', async () => {
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

    it('ends a program that makes system calls of another architecture', async function () {
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

    it('limits memory, also of the tests, processor time, descriptors and threads', async () => {
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

    it('keeps programs that ran before, and the tests, out of the memory of a program', async () => {
      for (let i = 0; i < 4; i++) {
        const other = 'password = "pineapple sandwich"\ndef f(x): return [x + 1]'
        assert.equal((await lanes.run(other, 'assert f(1) == [2], "cucumber salad"')).passed, true)
      }
      // It looks for texts that it is told backwards, so that it does not find what it looks for with.
      const search = `import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
own = "marmalade on toast"
def pages():
    r, w = os.pipe()
    # Writing from memory that is not there fails, where reading it would end the process.
    start = id(libc) & ~4095
    for first, step in ((start, 4096), (start - 4096, -4096)):
        at = first
        while libc.write(w, ctypes.c_void_p(at), 1) == 1:
            os.read(r, 1)
            yield ctypes.string_at(at, 4096)
            at += step
def f(backwards):
    return [sum(text.encode() in page[::-1] for page in pages()) > 0 for text in backwards]`
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
