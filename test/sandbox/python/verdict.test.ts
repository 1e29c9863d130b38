import assert from 'node:assert/strict'
import { runCode } from '../../../src/sandbox/runCode.js'
import { openLanes, requireDocumented, requirePython } from './lanes.js'
import type { Lanes } from './lanes.js'

describe('the verdict on Python programs', function () {
  this.timeout(300_000)
  let lanes: Lanes
  before(function () {
    requirePython(this)
    lanes = openLanes(2)
  })
  after(() => {
    lanes.close()
  })

  const passes = async (program: string, tests: string, given = {}): Promise<void> => {
    assert.deepEqual(
      await lanes.run(program, tests, { entryPoint: null, ...given }),
      { passed: true, reason: null },
      `${program}\n${tests}`,
    )
  }
  const fails = async (program: string, tests: string, reason: RegExp, given = {}): Promise<void> => {
    const verdict = await lanes.run(program, tests, { entryPoint: null, ...given })
    assert.equal(verdict.passed, false, `${program}\n${tests}`)
    assert.match(verdict.reason!, reason, `${program}\n${tests}`)
  }

  // Each of these is a line of docs/sandbox.md, in its words.
  const lines: Record<string, () => Promise<void>> = {
    'It can return data: the tests get a copy, of the plain type that it is or derives from.': async () => {
      const imports = 'import collections, datetime, decimal, fractions\nfrom collections import *\nfrom datetime import *\nfrom decimal import Decimal\nfrom fractions import Fraction\n'
      const values = `[None, True, 2**70, -2**63, -1.5, -0.0, float("inf"), 1j, "ä\\ud800\\0", b"x", bytearray(b"y"), (1, [2]), {1: {"a": (2,)}}, {1, 2}, frozenset([3]), range(3, 9, 2), Fraction(1, 3), Decimal("1.10"), deque([1]), Counter("aab"), OrderedDict(b=1, a=2), date(2020, 2, 29), datetime(2020, 1, 2, 3, 4, 5, 6, timezone.utc), time(1, 2), timedelta(1, 2, 3)]`
      await passes(
        `${imports}def same(x): return x`,
        `${imports}for v in ${values}:\n  got = same(v)\n  assert got == v and type(got) is type(v) and repr(got) == repr(v), v\nassert str(same(float("nan"))) == "nan"`,
        { entryPoint: 'same' },
      )
      // What honest programs return of classes that derive from plain ones.
      await passes(
        'from collections import namedtuple, defaultdict, UserList\nfrom typing import NamedTuple\nimport enum\nP = namedtuple("P", "x y")\nclass Q(NamedTuple):\n  name: str\n  n: int = 2\nclass C(enum.IntEnum):\n  RED = 1\nclass L(list):\n  def total(s): return sum(s)\nclass T(str): pass\ndef f(n):\n  d = defaultdict(list)\n  d["a"].append(1)\n  return [P(1, [2]), Q("q"), C.RED, L([1, 2]), T("t"), d, UserList([3]), {1: 2}.keys(), {1: 2}.values(), {1: 2}.items()][n]',
        'p = f(0)\nassert p == (1, [2]) and p.x == 1 and p._asdict() == {"x": 1, "y": [2]} and type(p).__name__ == "P"\nassert f(1).name == "q" and f(1).n == 2\nassert f(2) == 1 and f(2) + 1 == 2\nassert f(3) == [1, 2] and f(4) == "t" and f(5) == {"a": [1]} and f(6) == [3]\nassert f(7) == {1} and list(f(8)) == [2] and f(9) == {(1, 2)}',
      )
      await fails('class L(list):\n  def __eq__(s, o): return True\ndef f(): return L([1])', 'assert f() == [2]', /^AssertionError$/)
      await fails('class I(int):\n  def __lt__(s, o): return True\n  def __int__(s): return 5\ndef f(): return I(9)', 'assert f() < 6', /^AssertionError$/)
    }, // prettier-ignore
    'It can return other objects: the tests can call them, read and set their attributes, go through them, and compare two of them.': async () => {
      await passes(
        'class Stack:\n  limit = 9\n  def __init__(self): self.items = []\n  def push(self, x, times=1): self.items += [x] * times\n  def __iter__(self): return iter(self.items)\n  def __eq__(self, o): return self.items == o.items\ndef gen():\n  yield 1\n  yield 2\ndef adder(a): return lambda b: a + b',
        's, t = Stack(), Stack()\ns.push(1)\nassert s.items == [1] and list(s) == [1] and 1 in s and 2 not in s and s != t and s == s\nt.push(1, times=1)\nassert s == t and s.limit == 9 and Stack.limit == 9\ns.items = [5]\nassert [*s] == [5] and sorted(s) == [5] and s.__dict__ == {"items": [5]}\nassert list(gen()) == [1, 2] and sum(gen()) == 3 and next(gen()) == 1\nassert adder(1)(2) == 3 and gen.__name__ == "gen" and {s: 1}[s] == 1\nassert f"{s}" == "<an object of the program>"',
      )
    }, // prettier-ignore
    'Of such an object nothing else is asked: it is no number, text, truth or container, has no order and no length, and equals no plain value.': async () => {
      const object = 'class O:\n  def __eq__(s, o): return True\n  __lt__ = __gt__ = __le__ = __ge__ = __contains__ = __bool__ = __eq__\n  def __sub__(s, o): return s\n  __abs__ = __neg__ = __round__ = lambda s, *a: s\n  def __len__(s): return 2\n  def __float__(s): return 2.5\n  def __int__(s): return 2\n  __index__ = __hash__ = __int__\n  def __str__(s): return "x"\n  __repr__ = __str__\n  def __getitem__(s, i): return 1\n  def __enter__(s): return s\n  def __exit__(s, *a): return True\n  def __array__(s): return 1\ndef f(): return O()'
      for (const looked of ['abs(f() - 1) < 1e-6', 'f() < 1', 'f()', 'not f()', 'float(f()) == 2.5', 'int(f()) == 2', '[1, 1][f() - 1]', 'len(f()) == 2', 'f()[0] == 1', 'round(f()) == 2', 'f().__array__() == 1', 'f().__len__() == 2', 'abs(f().n - 1) < 1']) {
        await fails(object, `assert ${looked}`, /^(TypeError|AttributeError)/)
      }
      for (const looked of ['f() == 2.5', '2.5 == f()', 'f() in [1, 2]', 'str(f()) == "x"', 'f() in {2: 0}', 'isinstance(f(), (int, float))']) {
        await fails(object, `assert ${looked}`, /^AssertionError$/)
      }
      await fails(object, 'with f(): assert False', /^(TypeError|AttributeError)/)
    }, // prettier-ignore
    'Between two calls such an object has one answer to each question, and the same items each time.': async () => {
      const object =
        'class O:\n  n = 0\n  @property\n  def x(s):\n    O.n += 1\n    return O.n\n  def __iter__(s):\n    O.n += 1\n    return iter([O.n, 5])\n  def __eq__(s, o):\n    O.n += 1\n    return O.n % 2 == 0\n  __hash__ = None\n  def more(s): O.n += 10\n  def items(s): return s\ndef f(): return O()'
      await passes(
        object,
        'r, q = f(), f()\nassert r.x == r.x == 1 and list(r) == list(r) == [2, 5] and sum(r) == 7\nassert (r == q) == (r == q) == (not r != q)\nr.more()\nassert r.x == 14 and [a for a, _ in zip(r, r)] == [15, 5] and list(r) == [15, 5]',
      )
      await passes(
        'def f():\n  n = 0\n  while True:\n    yield n\n    n += 1',
        'from itertools import islice\ng = f()\nassert list(islice(g, 3)) == [0, 1, 2] and list(islice(g, 2)) == [3, 4] and next(g) == 5',
      )
      await passes(
        'class C:\n  def __iter__(s):\n    s.n = 0\n    return s\n  def __next__(s):\n    s.n += 1\n    if s.n > 2: raise StopIteration\n    return s.n\ndef f(): return C()',
        'c = f()\nassert list(c) == [1, 2] and list(c) == [1, 2]',
      )
      // Sorted in one pass, and the items of the argument in another.
      const halves =
        'class L:\n  def __init__(s, x): s.x, s.n = x, 0\n  def __iter__(s):\n    s.n += 1\n    return iter(s.x if s.n == 1 else [0] * len(s.x))\ndef f(x): return L(x)'
      const sorted = 'x = [3, 1, 2]\nr = f(x)\nassert sum(r) == 6\nassert all(a <= b for a, b in zip(r, list(r)[1:]))'
      await fails(halves, sorted, /^AssertionError$/)
    },
    'Where the prompt asks for a function, what it returns is not asked whether it `startswith` or `isdigit`: it would judge itself.':
      async () => {
        const object =
          'class O:\n  def startswith(s, x): return True\n  isdigit = issubset = startswith\ndef f(x): return O()'
        const context = 'def f(x):\n    """ Digits. """\n'
        for (const look of ['f(1).startswith("a")', 'f(1).isdigit(1)', 'f(1).issubset({1})']) {
          await fails(object, `assert ${look}`, /^AttributeError/, { context, entryPoint: 'f' })
          await passes(object, `assert ${look}`)
        }
      },
    'It can raise: the tests get a built-in exception, or one that derives from the nearest built-in one, with its name, text and arguments.': async () => {
      await passes(
        'class Low(ValueError):\n  def __init__(s, n): super().__init__(n, "low")\ndef f(n):\n  if n == 0: raise KeyError("a")\n  if n == 1: raise Low(5)\n  if n == 2: [].pop()\n  if n == 3: b"\\xff".decode()\n  if n == 4: open("/x/y")\n  if n == 5: raise SystemExit(3)',
        'def raised(n):\n  try: f(n)\n  except BaseException as e: return e\nassert type(raised(0)) is KeyError and raised(0).args == ("a",) and str(raised(0)) == "\'a\'"\ne = raised(1)\nassert isinstance(e, ValueError) and type(e).__name__ == "Low" and str(e) == "(5, \'low\')"\nassert isinstance(raised(2), IndexError) and isinstance(raised(3), UnicodeDecodeError) and "0xff" in str(raised(3))\nassert isinstance(raised(4), OSError) and isinstance(raised(5), SystemExit)',
      )
      await fails('def f(): raise ValueError("no")', 'f()', /^ValueError: no$/)
      await fails('class AssertionError(Exception): pass\ndef f(): raise AssertionError', 'try: f()\nexcept ValueError: pass', /^AssertionError$/)
    }, // prettier-ignore
    'It cannot end a loop of the tests by an exception: StopIteration and its like, raised in a call, are a RuntimeError.':
      async () => {
        for (const error of [
          'StopIteration',
          'StopAsyncIteration',
          'GeneratorExit',
          'type("S", (StopIteration,), {})',
        ]) {
          await fails(
            `def f(x): raise ${error}`,
            'for a, b in zip(map(f, [1, 2]), [3, 4]): assert a == b\nassert True',
            /^RuntimeError: (S|\w*Iteration|GeneratorExit): $/,
          )
        }
        await passes(
          'def f():\n  yield 1',
          'i = iter(f())\nnext(i)\ntry: next(i)\nexcept StopIteration: i = 0\nassert i == 0',
        )
      },
    'It can change the lists, dictionaries, sets, deques and bytearrays that it is given, if it returns nothing, or with `inPlace`.': async () => {
      await passes(
        'def f(l, d, *, s, q, b):\n  l.sort()\n  l[0].append(9)\n  d["x"] = d.pop("y")\n  s.add(3)\n  q.popleft()\n  b += b"!"',
        'from collections import deque\nl, d, s, q, b = [[2], [1]], {"y": 1}, {1}, deque([1, 2]), bytearray(b"a")\nassert f(l, d, s=s, q=q, b=b) is None\nassert l == [[1, 9], [2]] and d == {"x": 1} and s == {1, 3} and list(q) == [2] and b == b"a!"',
      )
      // It would else choose what its answer is compared with.
      for (const value of ['[]', 'x', 'sum(x)']) {
        await fails(`def f(x):\n  x.clear()\n  return ${value}`, 'x = [3, 1]\nr = f(x)\nassert r == sorted(x) or r == sum(x)', /^AssertionError$/)
      }
      const run = { language: 'python', program: 'def f(x):\n  x.pop()\n  return len(x)', tests: 'x = [1, 2]\nassert f(x) == len(x) == 1' } as const
      assert.equal((await runCode({ ...run, inPlace: true }, { allowPython: true, timeLimit: 60_000 })).passed, true)
      assert.equal((await runCode(run, { allowPython: true, timeLimit: 60_000 })).passed, false)
    }, // prettier-ignore
    'It can call the functions that the tests hand to it, and nothing else of theirs.': async () => {
      await passes('def f(g, x): return [g(g(x)), g.__class__.__name__]', 'assert f(lambda x: x * 3, 2)[0] == 18')
      await passes('def f(g): return g(lambda x: x + 1, key=[1])', 'assert f(lambda h, key: h(key[0])) == 2')
      for (const reach of [
        'g.__globals__',
        'g.__code__',
        'g.x',
        'setattr(g, "x", 1)',
        'iter(g)',
        'g == f and 0',
        'g.__call__.__self__',
      ]) {
        await fails(
          `def f(g): return ${reach}`,
          'assert f(lambda x: x) == 2',
          /^(PermissionError|AttributeError|AssertionError|TypeError)/,
        )
      }
      await fails(
        'def f(x): return x',
        'class C: pass\nassert f(C())',
        /^TypeError: the tests cannot hand a C to the program/,
      )
    },
    'It cannot hide that an assertion of the tests failed in a function that it was handed.': async () => {
      const tests = 'def judge(x): assert x == 2\nf(judge)'
      await fails('def f(g):\n  try: g(1)\n  except BaseException: pass', tests, /^AssertionError$/)
      await passes('def f(g):\n  try: g(2)\n  except BaseException: pass', tests)
      await passes(
        'def f(g):\n  try: return g()\n  except AssertionError: return 1\ndef h(): assert False',
        'def g(): return h()\nassert f(g) == 1',
      )
    },
    'It can define names that the tests use, but none of the built-ins, the helpers of the prompt, or the modules of Python.': async () => {
      await fails('def abs(x): return 0\ndef isinstance(*a): return True\ndef f(): return 1', 'assert abs(f() - 5) < 1 and isinstance(f(), str)', /^AssertionError$/)
      const context = 'import math\ndef helper(x):\n    return x * 2\n\ndef f(x):\n    """ Twice. """\n'
      await fails('def helper(x): return 0\ndef f(x): return 0', 'assert f(2) == helper(2)', /^AssertionError$/, { context, entryPoint: 'f' })
      await passes('def helper(x): return 0\ndef f(x): return x + x', 'assert f(2) == helper(2)', { context, entryPoint: 'f' })
      await fails('class math:\n  isclose = fabs = lambda *a: True\ndef f(): return 1', 'assert math.isclose(f(), 2)', /^AssertionError$/)
      await passes('import math\ndef f(): return 2.0', 'assert math.isclose(f(), 2)')
      await passes('def encode(x): return x[::-1]\ndef f(x): return x[::-1]', 'assert f(encode("ab")) == "ab"')
      await fails('def candidate(x): return 2\ndef check(c): pass\ndef f(x): return 3', 'def check(candidate):\n  assert candidate(1) == 2', /^AssertionError$/, { entryPoint: 'f' })
    }, // prettier-ignore
    'It can end, hang, or send what it likes: it does not pass then, whatever the tests catch.': async () => {
      const tests = 'try: f(1)\nexcept: pass\nassert True'
      await fails('import os\ndef f(x): os._exit(0)', tests, /^the program ended$/)
      await fails('import os, sys\ndef f(x):\n  os.closerange(0, 64)', tests, /^the program ended$/)
      await fails('import os\ndef f(x):\n  for d in range(3, 64):\n    try: os.write(d, b"\\0\\0\\0\\2{]")\n    except OSError: pass\n  os._exit(0)', tests, /^the answer is not readable$/)
      await fails('import time\ndef f(x): time.sleep(1000)', tests, /^time limit of 200 ms$/, { timeLimit: 200 })
      await fails('', tests, /^NameError: name 'f' is not defined$/, { entryPoint: 'f' })
      await passes('def f(x): raise ValueError', tests)
    }, // prettier-ignore
    'It does not pass by tests of which no assertion is reached.': async () => {
      await fails('def f(): return []', 'for x in f(): assert x == 2', /^AssertionError: none of the assertions of the tests was reached$/)
      await fails('def f(): return 2', 'def test_f():\n  assert f() == 3', /none of the assertions/)
      await fails('def f(): return 2', 'def check(candidate):\n  assert candidate() == 3', /no entry point says what they check/)
      await passes('def f(): return [2]', 'for x in f(): assert x == 2')
      await passes('def f(): return 2', 'if f() != 2: raise ValueError')
    }, // prettier-ignore
    'What it raises is shown on one line, without characters that a terminal obeys.': async () => {
      const { reason } = await lanes.run(
        'def f(): raise Exception("a\\x1b[31m\\n\\r\\u202eb\\ud800" + "c" * 1000)',
        'f()',
      )
      assert.match(reason!, /^Exception: a \[31m {3}b c+$/)
      assert.equal(reason!.length, 500)
    },
  }

  for (const [line, test] of Object.entries(lines)) {
    it(line, async () => {
      requireDocumented(line)
      await test()
    })
  }

  it('calls check as HumanEval does', async () => {
    const verdict = async (tests: string): Promise<boolean> => (await lanes.run('def f(x): return x', tests)).passed
    assert.equal(await verdict('def check(candidate):\n  assert candidate(1) == 1'), true)
    assert.equal(await verdict('def check(candidate):\n  assert candidate(1) == 2'), false)
    assert.equal(await verdict('def check(candidate):\n  assert candidate(1) == 1\ncheck(f)'), true)
    assert.equal(await verdict('def check(candidate):\n  assert candidate(1) == 1\nif True:\n  check(f)'), true)
    assert.equal(await verdict('def check(candidate):\n  assert len("xx") == 2 and g(1)'), false)
  })

  it('does not take time for which a program waits for a processor', async () => {
    // As many as would need several times their limit one after the other.
    const busy =
      'import time\ndef f(x):\n  end = time.process_time() + 0.5\n  while time.process_time() < end: pass\n  return x'
    const many = openLanes(6)
    const verdicts = await Promise.all(
      Array.from({ length: 6 }, () => many.run(busy, 'assert f(1) == 1', { timeLimit: 1000 })),
    )
    many.close()
    assert.deepEqual(verdicts, Array(6).fill({ passed: true, reason: null }))
  })

  it('asks of large programs only what the tests use', async () => {
    await passes('table = list(range(3000000))\ndef f(x): return table[x]', 'assert f(5) == 5', { memoryLimit: 512 })
  })
})
