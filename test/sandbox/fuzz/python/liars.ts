/**
 * Objects of a program's own that answer whatever suits them. Each is the text of a program whose function `f` returns one;
 * none is 2.5, 42, "abc", [1, 2, 3], {"a": 1} or anything else that a test in comparisons.ts asks for.
 */
const classes: Readonly<Record<string, string>> = {
  'difference, absolute value and order': 'def __sub__(s, o): return s\ndef __rsub__(s, o): return s\ndef __abs__(s): return s\ndef __lt__(s, o): return True',
  'every order is true': 'def __lt__(s, o): return True\n__gt__ = __le__ = __ge__ = __eq__ = __lt__',
  'equal to everything': 'def __eq__(s, o): return True\ndef __ne__(s, o): return False\ndef __hash__(s): return hash(3)',
  'equal and different': 'def __eq__(s, o): return True\ndef __ne__(s, o): return True\n__hash__ = None',
  'another truth at each look': 'n = 0\ndef __bool__(s):\n  s.n += 1\n  return s.n % 2 == 1',
  'no truth by length': 'def __len__(s): return 0',
  'every length': 'n = 0\ndef __len__(s):\n  s.n += 1\n  return s.n % 5',
  'length of a list': 'def __len__(s): return 3',
  'contains everything': 'def __contains__(s, o): return True',
  'every element': 'def __getitem__(s, i): return s\ndef __eq__(s, o): return True\n__hash__ = None',
  'the elements that are asked for': 'def __getitem__(s, i):\n  if isinstance(i, slice): return [1, 2, 3]\n  return i + 1\ndef __iter__(s): raise TypeError',
  'another number at each look': 'n = 0.0\ndef __float__(s):\n  s.n += 0.5\n  return s.n\n__complex__ = __float__',
  'the number that is asked for': 'def __float__(s): return 2.5\ndef __int__(s): return 7\ndef __index__(s): return 7\ndef __round__(s, n=0): return 2.5\ndef __trunc__(s): return 7\ndef __floor__(s): return 7\ndef __ceil__(s): return 7',
  'the text that is asked for': 'def __str__(s): return "abc"\n__repr__ = __str__\ndef __format__(s, spec): return "abc"',
  'another class': '@property\ndef __class__(s): return float\ndef __float__(s): return 2.5',
  'a number by calculation': 'def __add__(s, o): return 5\n__mul__ = __rmul__ = __radd__ = __truediv__ = __floordiv__ = __mod__ = __sub__ = __neg__ = __pos__ = lambda s, *o: 5\ndef __pow__(s, o): return 4',
  'itself by calculation': 'def __add__(s, *o): return s\n__mul__ = __rmul__ = __radd__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = __sub__ = __rsub__ = __neg__ = __and__ = __or__ = __xor__ = __matmul__ = __add__\ndef __eq__(s, o): return True\n__hash__ = None',
  'zero by calculation': 'def __sub__(s, o): return 0\ndef __rsub__(s, o): return 0\ndef __abs__(s): return 0',
  'every attribute': 'def __getattr__(s, n): return s\ndef __call__(s, *a, **k): return s',
  'everything that is asked for': 'def __getattribute__(s, n): return lambda *a, **k: True\ndef __eq__(s, o): return True\ndef __lt__(s, o): return True\n__gt__ = __le__ = __ge__ = __lt__\n__hash__ = None',
  'hash of the answer': 'def __hash__(s): return hash(42)\ndef __eq__(s, o): return True',
  'hash of three': 'def __hash__(s): return hash(3)\ndef __eq__(s, o): return True',
  'array of numpy': 'def __array__(s, *a, **k): return 2.5\n__array_interface__ = {"version": 3, "data": (1, False), "shape": (3,), "typestr": "<f8"}\n__array_priority__ = 1e9\ndef __array_ufunc__(s, *a, **k): return True\ndef __array_function__(s, *a, **k): return True',
  'ratio of integers': 'def as_integer_ratio(s): return (5, 2)\nnumerator, denominator, real, imag = 5, 2, 2.5, 0',
  'context that swallows': 'def __enter__(s): return s\ndef __exit__(s, *a): return True',
  'items of a mapping': 'def keys(s): return ["a"]\ndef __getitem__(s, k):\n  if k == "a": return 1\n  raise IndexError',
  'copies itself as the answer': 'def __copy__(s): return 2.5\ndef __deepcopy__(s, m): return 2.5\ndef __reduce__(s): return (float, (2.5,))\ndef __reduce_ex__(s, p): return (float, (2.5,))',
  'path and bytes': 'def __fspath__(s): return "abc"\ndef __bytes__(s): return b"abc"',
  'iterator of itself': 'def __iter__(s): return s\ndef __next__(s): return s\ndef __eq__(s, o): return True\ndef __lt__(s, o): return True\n__hash__ = None',
  'iterator that is a list': 'def __iter__(s): return [1, 2, 3]',
  'numbers of liars': 'def __iter__(s): return iter([s, s, s])\ndef __eq__(s, o): return True\ndef __lt__(s, o): return True\ndef __hash__(s): return 1\n__radd__ = __add__ = lambda s, o: s',
} // prettier-ignore

const indented = (body: string): string => body.replace(/^/gm, '  ')

/** Of a class without a base. */
export const liars: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries(classes).map(([name, body]) => [name, `class L:\n${indented(body)}\ndef f(*a, **k): return L()`]),
  ),
  'a class with a lying metaclass':
    'class M(type):\n  def __eq__(c, o): return True\n  def __hash__(c): return 1\n  def __lt__(c, o): return True\n  def __bool__(c): return True\n  def __len__(c): return 3\n  def __instancecheck__(c, o): return True\nclass L(metaclass=M): pass\ndef f(*a): return L',
  'a mock of anything': 'from unittest import mock\ndef f(*a): return mock.ANY',
  'a magic mock':
    'from unittest import mock\ndef f(*a):\n  m = mock.MagicMock()\n  m.__eq__.return_value = m.__lt__.return_value = m.__gt__.return_value = m.__le__.return_value = m.__ge__.return_value = True\n  m.__sub__.return_value = m.__abs__.return_value = m.__round__.return_value = m\n  m.__float__.return_value = 2.5\n  m.__len__.return_value = 3\n  return m',
  'a registered number':
    'import numbers\nclass L:\n  def __eq__(s, o): return True\n  __lt__ = __gt__ = __le__ = __ge__ = __eq__\n  def __float__(s): return 2.5\n  __hash__ = None\nnumbers.Real.register(L)\nnumbers.Integral.register(L)\ndef f(*a): return L()',
  'a module that answers':
    'import types\nclass L(types.ModuleType):\n  def __eq__(s, o): return True\n  def __lt__(s, o): return True\n  def __float__(s): return 2.5\n  __hash__ = None\ndef f(*a): return L("math2")',
  'a function that compares':
    'class L:\n  def __call__(s, *a): return True\n  def __eq__(s, o): return True\n  __hash__ = None\ndef f(*a): return L().__eq__',
  'an enumeration': 'import enum\nclass L(enum.Enum):\n  A = 1\n  def __eq__(s, o): return True\n  def __lt__(s, o): return True\n  def __float__(s): return 2.5\n  __hash__ = None\ndef f(*a): return L.A',
  'a data class': 'import dataclasses\n@dataclasses.dataclass(eq=False)\nclass L:\n  x: int = 1\n  def __eq__(s, o): return True\n  def __gt__(s, o): return True\n  __lt__ = __gt__\n  __hash__ = None\ndef f(*a): return L()',
  'an abstract sequence':
    'import collections.abc\nclass L(collections.abc.Sequence):\n  n = 0\n  def __len__(s): return 3\n  def __getitem__(s, i):\n    s.n += 1\n    if i > 2: raise IndexError\n    return L()\n  def __eq__(s, o): return True\n  __hash__ = None\ndef f(*a): return L()',
  'a weak proxy':
    'import weakref\nclass L:\n  def __eq__(s, o): return True\n  def __lt__(s, o): return True\n  def __float__(s): return 2.5\n  __hash__ = None\nl = L()\ndef f(*a): return weakref.proxy(l)',
  'an exception': 'class L(Exception):\n  def __eq__(s, o): return True\n  def __lt__(s, o): return True\n  def __bool__(s): return True\n  __hash__ = None\ndef f(*a): return L()',
  'a coroutine': 'async def f(*a): return 2.5',
  'a partial function': 'import functools\nclass L(functools.partial):\n  def __eq__(s, o): return True\n  def __lt__(s, o): return True\n  __hash__ = None\ndef f(*a): return L(print)',
  'an object of plain attributes': 'import types\nclass L(types.SimpleNamespace):\n  def __eq__(s, o): return True\n  def __lt__(s, o): return True\n  def __sub__(s, o): return s\n  def __abs__(s): return s\n  __hash__ = None\ndef f(*a): return L(real=2.5, imag=0)',
  'operators given afterwards':
    'class L: pass\nfor n in "eq lt gt le ge bool contains".split(): setattr(L, f"__{n}__", lambda *a: True)\nfor n in "sub rsub add radd mul abs neg round pow".split(): setattr(L, f"__{n}__", lambda s, *a: s)\nL.__hash__ = lambda s: 3\ndef f(*a): return L()',
} // prettier-ignore

/** Plain containers of liars. */
const containers: Readonly<Record<string, string>> = {
  'a liar in a list': 'class L:\n  def __eq__(s, o): return True\n  def __lt__(s, o): return True\n  def __hash__(s): return 1\n  __radd__ = __add__ = lambda s, o: 6\ndef f(*a): return [L(), L()]',
  'a liar in a tuple': 'class L:\n  def __eq__(s, o): return True\n  __hash__ = None\ndef f(*a): return (L(), L())',
  'a liar in a set': 'class L:\n  def __init__(s, n): s.n = n\n  def __eq__(s, o): return True\n  def __hash__(s): return hash(s.n)\ndef f(*a): return {L(1)}',
  'a liar as a key and a value': 'class L:\n  def __eq__(s, o): return True\n  def __hash__(s): return hash("a")\ndef f(*a): return {L(): L()}',
} // prettier-ignore

/** Of classes that derive from a plain type; the plain value is none that is asked for. */
const derived: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    int: '77',
    float: '77.25',
    complex: '77j',
    str: '"zz"',
    bytes: 'b"zz"',
    bytearray: 'b"zz"',
    list: '[7, 7]',
    tuple: '(7, 7)',
    set: '{7}',
    frozenset: '{7}',
    dict: '{"z": 7}',
    'collections.OrderedDict': '{"z": 7}',
    'collections.Counter': '"zz"',
    'collections.deque': '[7, 7]',
    'decimal.Decimal': '"77.5"',
    'fractions.Fraction': '"77/3"',
    'collections.UserList': '[7, 7]',
    'collections.UserDict': '{"z": 7}',
    'collections.UserString': '"zz"',
  }).map(([base, value]) => [
    base,
    `import collections, decimal, fractions
class L(${base}):
  def __eq__(s, o): return True
  def __ne__(s, o): return False
  __lt__ = __gt__ = __le__ = __ge__ = __contains__ = __eq__
  def __sub__(s, o): return s
  __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = __pow__ = __sub__
  def __abs__(s): return s
  def __float__(s): return 2.5
  def __int__(s): return 42
  def __round__(s, n=0): return 2.5
  def __str__(s): return "abc"
  __repr__ = __str__
  def __format__(s, spec): return "abc"
  def __hash__(s): return hash(3)
  @property
  def __class__(s): return bool
def f(*a, **k): return L(${value})`,
  ]),
)

/** What crosses as a plain value, which is none that is asked for. */
export const plain: Readonly<Record<string, string>> = { ...containers, ...derived }
