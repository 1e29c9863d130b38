import assert from 'node:assert/strict'
import { hasPython, openLanes } from '../python/lanes.js'

const SEEDS = 400

/** Takes over the channel to the tests and answers whatever comes with messages that are made up. */
const program = (seed: number): string => `import json, os, random, stat, struct, sys
r = random.Random(${seed})
channel = None
for d in range(3, 64):
    try:
        if stat.S_ISSOCK(os.fstat(d).st_mode): channel = d
    except OSError: pass
TAGS = "l t s z q C O d kv vv iv D F T A o y c r e m n i f h H X".split() + [None, 0, ""]
WORDS = ["f", "__class__", "__globals__", "math", "os", "x", "", "\\ud800", "1/3", "1e400", "nan", "2020-01-01", "ff", "zz", "__import__('os')", "StopIteration", "AssertionError", "Exception", "SystemExit", "KeyboardInterrupt"]
def scalar():
    return r.choice([None, True, False, 0, 1, -1, 2 ** 63, 10 ** 30, 0.5, float("nan"), float("inf"), r.random(), r.choice(WORDS), r.randrange(-5, 50)])
def value(depth=0):
    if depth > 4 or r.random() < 0.3: return scalar()
    k = r.random()
    if k < 0.6: return [r.choice(TAGS)] + [value(depth + 1) for _ in range(r.randrange(4))]
    if k < 0.8: return [value(depth + 1) for _ in range(r.randrange(4))]
    return {r.choice(WORDS + ["value", "error", "op", "id", "args", "kwargs", "name"]): value(depth + 1) for _ in range(r.randrange(4))}
def message():
    k = r.random()
    if k < 0.35: return {"value": value()}
    if k < 0.45: return {"value": value(), "args": value(), "kwargs": value()}
    if k < 0.55: return {"error": [[r.choice(WORDS) for _ in range(r.randrange(3))], scalar(), value()]}
    if k < 0.6: return {"error": value()}
    if k < 0.95: return {"op": r.choice(["call", "get", "set", "equal", "iterate", "next", "x", None]), "id": r.choice([0, 1, 2, 3, scalar()]), "args": r.choice([["l", [value()]], ["l", []], value()]), "kwargs": r.choice([["d", []], value()]), "name": scalar(), "value": value(), "other": value()}
    return value()
def send(m):
    data = json.dumps(m).encode()
    if r.random() < 0.03: data = bytes(r.randrange(256) for _ in range(r.randrange(1, 40)))
    if r.random() < 0.03: data = data[: r.randrange(len(data) + 1)]
    size = len(data) if r.random() > 0.02 else r.randrange(1 << 20)
    os.write(channel, struct.pack(">I", size) + data)
if r.random() < 0.8: send({"value": ["f", "g", "x"]})
try:
    while True:
        for _ in range(r.randrange(1, 4)): send(message())
        if r.random() < 0.05: os._exit(0)
        if r.random() < 0.9: os.read(channel, 1 << 16)
except BaseException: pass
os._exit(0)
`

const tests = [
  'assert f("question") == "a7f3-answer"',
  'def judge(x, y): return 1 / 0 if x != y else x\nassert f(judge, [lambda a: a + 1, print]) == "a7f3-answer"',
  'try:\n    for x in f(1): assert x == "a7f3-answer"\nexcept ArithmeticError: pass\nassert g(x, key=x).answer.value() == "a7f3-answer"',
  'log = []\ntry: f(log.append)\nexcept: pass\nassert "a7f3-answer" in log',
  'numbers = [3, 1]\ntry: f(numbers, more=numbers)\nexcept Exception: pass\nassert numbers == ["a7f3-answer"]',
]

describe('made up messages of Python programs', function () {
  this.timeout(3_600_000)
  before(function () {
    if (!hasPython) this.skip()
  })

  it(`forge no verdict, ${SEEDS} programs`, async () => {
    const lanes = openLanes(2)
    const reasons = new Map<string, number>()
    await Promise.all(
      Array.from({ length: SEEDS }, async (_, seed) => {
        const { passed, reason } = await lanes.run(program(seed), tests[seed % tests.length]!, { timeLimit: 2000 })
        assert.equal(passed, false, `seed ${seed}`)
        const kind = reason!.replace(/:.*/, '')
        reasons.set(kind, (reasons.get(kind) ?? 0) + 1)
      }),
    )
    lanes.close()
    // They come far enough to be answered, not only refused as unreadable.
    assert.ok(reasons.size >= 5, JSON.stringify([...reasons]))
  })
})
