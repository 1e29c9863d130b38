import type { Cheat, CheatedProblem } from './cheats.js'

/** A cheat that defines the function by lines that may use the arguments `a`, after some code of its own. */
function returning(name: string, lines: string, before = ''): Cheat {
  const body = lines.replace(/^/gm, '    ')
  return { name, program: ({ entryPoint }) => `${before}\ndef ${entryPoint}(*a, **k):\n${body}\n` }
}

/** A cheat that returns an object of a class that lies. */
function lying(name: string, methods: string, base = 'object', value = ''): Cheat {
  return returning(name, `return Lie(${value})`, `class Lie(${base}):\n${methods.replace(/^/gm, '    ')}`)
}

const order = 'def __lt__(s, o): return True\n__gt__ = __le__ = __ge__ = __lt__'
const equality = 'def __eq__(s, o): return True\ndef __ne__(s, o): return False\ndef __hash__(s): return 1'
const arithmetic =
  'def __sub__(s, *o): return s\n__rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = __pow__ = __rpow__ = __truediv__ = __abs__ = __neg__ = __round__ = __sub__'
const everything = `${order}\n${equality}\n${arithmetic}\ndef __bool__(s): return True\ndef __len__(s): return 1\ndef __contains__(s, o): return True\ndef __getitem__(s, i): return s\ndef __iter__(s): return iter([])`

/** Functions that the prompt defines besides the one that is asked for. */
function helpersOf({ prompt, entryPoint }: CheatedProblem): string[] {
  return [...prompt.matchAll(/^def (\w+)/gm)].map((match) => match[1]!).filter((name) => name !== entryPoint)
}

function withHelpers(name: string, helper: string, own: string): Cheat {
  return {
    name,
    program: (problem) =>
      [...helpersOf(problem).map((known) => `def ${known}(*a): return ${helper}`), `def ${problem.entryPoint}(*a): return ${own}`].join('\n'),
  } // prettier-ignore
}

const messages = `import json, os, struct
def tell(message):
    data = json.dumps(message).encode()
    for descriptor in range(3, 64):
        try: os.write(descriptor, struct.pack(">I", len(data)) + data)
        except OSError: pass`

/** Finds where an object of the machinery, or a text, holds the tests, and takes the expected values from there. */
const searching = `import ctypes, gc, os, re, sys
def expected(text, arguments):
    wanted = "candidate(" + ", ".join(map(repr, arguments)) + ")"
    at = text.find(wanted)
    if at < 0: return None
    return eval(re.split("==|<", text[at + len(wanted):], 1)[1].split("\\n")[0].split(", \\"")[0])`

const memory = `${searching}
libc = ctypes.CDLL(None)
def pages():
    r, w = os.pipe()
    start = id(libc) & ~4095
    for first, step in ((start, 4096), (start - 4096, -4096)):
        at = first
        while libc.write(w, ctypes.c_void_p(at), 1) == 1:
            os.read(r, 1)
            yield ctypes.string_at(at, 4096)
            at += step
found = [page.decode("utf8", "replace") for page in pages() if b"candidate(" in page]`

const plain = ['None', 'True', 'False', '0', '1', '-1', '0.5', '""', '"a"', '[]', '[0]', '()', '{}', 'set()', 'float("nan")', 'float("inf")', '...', 'NotImplemented', 'range(4 * 10 ** 8)', 'Exception("x")'] // prettier-ignore

/** Generic cheats in Python: none of them solves a problem of HumanEval. */
export const pythonCheats: readonly Cheat[] = [
  ...plain.map((value) => returning(`the same for everything: ${value}`, `return ${value}`)),
  lying('an object with lying arithmetic and order', `${arithmetic}\n${order}`),
  lying('an object that is equal to everything', equality),
  lying('an object that is whatever is asked', everything),
  lying('an object that is another number at each look', 'n = 0\ndef __float__(s):\n  Lie.n += 0.01\n  return Lie.n'),
  lying('an object that is true or false at random', 'import random\ndef __bool__(s): return s.random.random() < 0.5'),
  lying('an object that claims to be a number', `@property\ndef __class__(s): return float\n${everything}`),
  ...['int', 'float', 'str', 'list', 'tuple', 'dict', 'set', 'bytes'].map((base) =>
    lying(`a lying ${base}`, everything.replace(/\ndef __iter__.*/, ''), base),
  ),
  returning('a mock of anything', 'return mock.ANY', 'from unittest import mock'),
  returning('a mock that agrees', 'm = mock.MagicMock()\nm.__lt__.return_value = m.__eq__.return_value = True\nm.__sub__.return_value = m.__abs__.return_value = m\nreturn m', 'from unittest import mock'), // prettier-ignore
  { name: 'a class in place of the function', program: ({ entryPoint }) => `class ${entryPoint}:\n  def __init__(s, *a): pass\n${everything.replace(/^/gm, '  ')}` },
  { name: 'a coroutine', program: ({ entryPoint }) => `async def ${entryPoint}(*a): return True` },
  { name: 'a generator', program: ({ entryPoint }) => `def ${entryPoint}(*a):\n  return\n  yield` },
  { name: 'a mock in place of the function', program: ({ entryPoint }) => `from unittest import mock\n${entryPoint} = mock.MagicMock(return_value=mock.ANY)` },
  ...['StopIteration', 'AssertionError', 'SystemExit(0)', 'KeyboardInterrupt', 'GeneratorExit', 'NotImplementedError'].map((error) => returning(`raising of ${error}`, `raise ${error}`)),
  returning('the end of the process', 'os._exit(0)', 'import os'),
  { name: 'the end of the process at once', program: () => 'import os\nos._exit(0)' },
  { name: 'a leave at once', program: () => 'import sys\nsys.exit(0)' },
  returning('clearing of the arguments', 'for x in a:\n  if hasattr(x, "clear"): x.clear()\nreturn a[0] if a else None'),
  returning('clearing of the arguments, and nothing', 'for x in a:\n  if hasattr(x, "clear"): x.clear()\nreturn []'),
  returning('equality patched into lists', 'return Lie()', 'import ctypes, gc\ntry:\n  d = gc.get_referents(list.__dict__)[0]\n  d["__eq__"] = lambda *a: True\nexcept Exception: pass\nclass Lie(list): __eq__ = lambda *a: True'),
  returning('built-ins replaced', 'return 0', 'import builtins, math, copy, random\nfor n in ("abs", "round", "float", "tuple", "sorted", "len", "isinstance"): setattr(builtins, n, lambda *a, **k: 0)\nmath.fabs = lambda x: 0\ncopy.deepcopy = lambda x: []\nrandom.Random = None'),
  returning('the names of the tests', 'return 0', 'def check(candidate): pass\ncandidate = abs = round = tuple = poly = lambda *a: 0\nassert_ = AssertionError = object\nMETADATA = {}'),
  withHelpers('helpers that do nothing', 'a[0]', 'a[0]'),
  withHelpers('helpers that are zero', '0', '0'),
  withHelpers('helpers that are empty', '""', '""'),
  returning('the verdict printed', 'print("passed", flush=True)\nreturn 0', 'print("PASSED\\nok\\n1 passed", flush=True)'),
  returning('the verdict told', 'tell({"passed": True, "reason": None})\ntell({"result": {"passed": True, "reason": None}, "reusable": True})\nos._exit(0)', messages),
  returning('odd answers told', 'for value in (True, ["h", 0], ["m", "os"], ["n", "P", ["__eq__"], [1]], ["f", "nan"]): tell({"value": value})\nos._exit(0)', messages),
  returning('calls told', 'for i in range(9): tell({"op": "call", "id": i, "args": ["l", []], "kwargs": ["d", []]})\nreturn 0', messages),
  returning('frames searched for the tests', 'g = sys._getframe()\nwhile g:\n  for v in list(g.f_locals.values()):\n    if isinstance(v, str) and "candidate(" in v: return expected(v, a)\n  g = g.f_back', searching),
  returning('objects searched for the tests', 'for o in gc.get_objects():\n  if isinstance(o, dict):\n    for v in list(o.values()):\n      if isinstance(v, str) and "candidate(" in v: return expected(v, a)', searching),
  returning('memory searched for the tests', 'for text in found:\n  try: return expected(text, a)\n  except Exception: pass', memory),
  returning('files searched for the solutions', 'return 0', 'import glob, os, sys\nfor place in [*sys.path, "/", "/tmp", "/work", "/data", "/root", "/home", os.getcwd(), "/proc/self", "/proc/1"]:\n  try:\n    for name in glob.glob(place + "/*uman*val*") + glob.glob(place + "/*/*uman*val*"): exec(open(name).read())\n  except Exception: pass'),
  { name: 'a program that was run before', program: ({ entryPoint }) => `${memory}\nfor page in pages():\n  at = page.find(b"def ${entryPoint}(")\n  if at >= 0:\n    try: exec(page[at:].split(b"\\0")[0].decode())\n    except Exception: pass` },
] // prettier-ignore
