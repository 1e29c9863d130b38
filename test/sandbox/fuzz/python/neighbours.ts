/** Programs that run beside a hostile one: what they are tested by, and why they do not pass, if they do not. */
export interface Neighbour {
  readonly program: string
  readonly tests: string
  readonly reason: string | null
}

export const neighbours: readonly Neighbour[] = [
  { program: 'def f(x): return [x + 1]', tests: 'assert f(1) == [2]', reason: null },
  { program: 'def f(x): return [x + 2]', tests: 'assert f(1) == [2]', reason: 'AssertionError' },
  {
    program: 'def f(n):\n  a = list(range(n))\n  for i in range(n): a[i] = a[i] ** 2 % 7\n  return sum(a)',
    tests: 'assert f(100000) == sum(i ** 2 % 7 for i in range(100000))',
    reason: null,
  },
  {
    program: 'class Stack:\n  def __init__(self): self.items = []\n  def push(self, x): self.items.append(x)\n  def pop(self): return self.items.pop()\ndef f(): return Stack()',
    tests: 's = f()\nfor i in range(20): s.push(i)\nassert [s.pop() for _ in range(20)] == list(range(19, -1, -1))',
    reason: null,
  },
  { program: 'def f(g, x): return g(g(x))', tests: 'assert f(lambda x: x * 3, 2) == 18', reason: null },
  { program: 'import time\ndef f(x):\n  time.sleep(0.02)\n  return x', tests: 'assert f("ä") == "ä"', reason: null },
  { program: 'def f(x):\n  x.sort()\n  x.append(0)', tests: 'x = [3, 1]\nf(x)\nassert x == [1, 3, 0]', reason: null },
  { program: 'def f(x): raise KeyError(x)', tests: 'f("a")', reason: "KeyError: 'a'" },
] // prettier-ignore
