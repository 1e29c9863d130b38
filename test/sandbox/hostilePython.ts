/** Python programs that try to be counted as right, or to do harm; tested by `assert f(1) == [2]`. */
export const hostilePython: Readonly<Record<string, string>> = {
  'endless loop': 'while True: pass',
  'endless loop, everything caught':
    'def f(x):\n  while True:\n    try:\n      while True: pass\n    except BaseException: pass',
  'signals ignored':
    'import signal, time\nfor s in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU, signal.SIGALRM): signal.signal(s, signal.SIG_IGN)\ntime.sleep(1000)',
  sleep: 'import time\ndef f(x): time.sleep(1000)',
  'catastrophic regular expression': 'import re\ndef f(x): return re.match("(a+)+$", "a" * 40 + "b")',
  'endless generator': 'def f(x):\n  while True: yield 2',
  'thread that goes on':
    'import threading\ndef g():\n  while True: pass\nthreading.Thread(target=g).start()\ndef f(x): return 0',
  'memory: list': 'x = [0] * 10 ** 10',
  'memory: in steps': 'a = []\nwhile True: a.append(bytearray(10 ** 7))',
  'memory: caught': 'a = []\ndef f(x):\n  while True:\n    try: a.append("x" * 10 ** 7)\n    except MemoryError: pass',
  'memory: large result': 'def f(x): return "x" * 10 ** 8',
  'large number': 'def f(x): return 10 ** 10 ** 10',
  'deep recursion': 'def f(x): return f(x)',
  'deep recursion without a limit': 'import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(x): return f(x)',
  'deep result': 'def f(x):\n  a = []\n  for _ in range(10 ** 5): a = [a]\n  return a',
  'circular result': 'def f(x):\n  a = []\n  a.append(a)\n  return a',
  'sys.exit': 'import sys\nsys.exit(0)',
  'sys.exit in the function': 'import sys\ndef f(x): sys.exit(0)',
  'os._exit': 'import os\nos._exit(0)',
  'os._exit in the function': 'import os\ndef f(x): os._exit(0)',
  SystemExit: 'def f(x): raise SystemExit(0)',
  KeyboardInterrupt: 'def f(x): raise KeyboardInterrupt',
  'marker of success': 'print("PASSED", "ok", "OK", flush=True)\ndef f(x):\n  print("passed")\n  return 0',
  'verdict written everywhere':
    'import os, struct\nm = b\'{"passed": true, "reason": null, "value": ["l", [2]], "names": []}\'\nfor d in range(64):\n  try: os.write(d, struct.pack(">I", len(m)) + m)\n  except OSError: pass\nos._exit(0)',
  'answers forged':
    'import os, struct\nm = b\'{"op": "call", "id": 1, "args": ["l", []], "kwargs": ["d", []]}\'\nfor d in range(64):\n  try: os.write(d, struct.pack(">I", len(m)) + m)\n  except OSError: pass\ndef f(x): return 0',
  'channel closed': 'import os\nos.closerange(0, 256)\ndef f(x): return 0',
  'flood of output': 'while True: print("x" * 10 ** 6)',
  'fork bomb': 'import os\nwhile True: os.fork()',
  'fork that outlives': 'import os, time\nif os.fork() == 0:\n  os.setsid()\n  time.sleep(1000)\ndef f(x): return 0',
  'parent killed': 'import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\ndef f(x): return 0',
  'everyone killed': 'import os, signal\nos.kill(-1, signal.SIGKILL)',
  processes: 'import subprocess\nsubprocess.run(["touch", "/tmp/grpo-ts-escaped"])\ndef f(x): return 0',
  shell: 'import os\ndef f(x): return [2] if os.system("true") == 0 else 0',
  network: 'import socket\nsocket.create_connection(("127.0.0.1", 22), 1)\ndef f(x): return [2]',
  'files read': 'def f(x):\n  open("/etc/passwd").read()\n  return [2]',
  'files listed': 'import os\ndef f(x):\n  os.listdir("/")\n  return [2]',
  'files written': 'open("/tmp/grpo-ts-escaped", "w").write("x")\ndef f(x): return [2]',
  'disk filled': 'i = 0\nwhile True:\n  i += 1\n  open("x", "a").write("x" * 10 ** 6)',
  'processes looked at': 'def f(x):\n  open("/proc/self/mem", "rb")\n  return [2]',
  'memory of the machine': 'import ctypes\nctypes.string_at(0)\ndef f(x): return [2]',
  'built-ins redefined':
    'import builtins\nbuiltins.AssertionError = type("A", (), {})\nbuiltins.isinstance = lambda *a: True\nbuiltins.len = lambda a: 1\ndef f(x): return 0',
  'names of the tests defined':
    'def check(candidate): pass\ndef candidate(x): return [2]\ntests = ""\ndef f(x): return 0',
  'equal to everything':
    'class E:\n  def __eq__(self, other): return True\n  def __bool__(self): return True\ndef f(x): return E()',
  'list equal to everything': 'class L(list):\n  def __eq__(self, other): return True\ndef f(x): return L()',
  'tests searched in memory':
    'import gc, sys\ndef f(x):\n  for o in gc.get_objects():\n    if isinstance(o, dict) and "tests" in o: return eval(str(o["tests"]).split("==")[1])\n  g = sys._getframe()\n  while g:\n    if "tests" in g.f_locals: return [2]\n    g = g.f_back',
  'modules poisoned':
    'import sys, json, operator\njson.loads = json.dumps = lambda *a: {"value": ["l", [2]]}\noperator.eq = lambda *a: True\ndef f(x): return 0',
  'exception that cannot be read': 'class X(Exception):\n  def __str__(self):\n    while True: pass\ndef f(x): raise X',
  'no program': 'I am sorry, but the answer is 2.',
  nothing: '',
}
