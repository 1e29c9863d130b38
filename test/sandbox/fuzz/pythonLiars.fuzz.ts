import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { hasPython, openLanes } from '../python/lanes.js'
import { comparisons, truths } from './python/comparisons.js'
import { liars, plain } from './python/liars.js'

const pairs = [
  ...Object.entries(liars).flatMap(([name, program]) =>
    [...comparisons, ...truths].map((tests) => ({ name, program, tests })),
  ),
  ...Object.entries(plain).flatMap(([name, program]) => comparisons.map((tests) => ({ name, program, tests }))),
]

describe('Python objects with lying operators', function () {
  this.timeout(3_600_000)
  before(function () {
    if (!hasPython) this.skip()
  })

  it(`pass none of ${pairs.length} tests, ${Object.keys({ ...liars, ...plain }).length} objects and ${comparisons.length + truths.length} looks at them`, async () => {
    const lanes = openLanes(2)
    const forged: string[] = []
    await Promise.all(
      pairs.map(async ({ name, program, tests }) => {
        const { passed, reason } = await lanes.run(program, tests, { timeLimit: 1000 })
        if (passed || reason === null) forged.push(`${name}: ${tests}`)
      }),
    )
    lanes.close()
    assert.deepEqual(forged, [])
  })

  it('do lie: most of them pass some of these tests where nothing is between them', () => {
    const script = `import json, resource, signal, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
class Late(BaseException): pass
def late(*_): raise Late
signal.signal(signal.SIGALRM, late)
won = set()
for pair in json.load(sys.stdin):
    scope = {}
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        exec(pair["program"], scope)
        exec(pair["tests"], scope)
        won.add(pair["name"])
    except BaseException: pass
    signal.setitimer(signal.ITIMER_REAL, 0)
print(json.dumps(sorted(won)))`
    const { stdout } = spawnSync('python3', ['-I', '-c', script], { input: JSON.stringify(pairs), encoding: 'utf8' })
    const won = JSON.parse(stdout) as string[]
    const objects = Object.keys({ ...liars, ...plain })
    assert.ok(won.length > 0.75 * objects.length, objects.filter((name) => !won.includes(name)).join())
  })
})
