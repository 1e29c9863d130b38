import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

const root = path.resolve(import.meta.dirname, '../..')
const examples = path.join(root, 'examples')
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

describe('examples/', () => {
  const at = useTemporaryFolder()

  /** What an example prints, run in an empty folder. */
  function run(name: string, ...args: readonly string[]): string {
    const command = ['--import', tsx, path.join(examples, name), ...args]
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: at(), encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    return stdout
  }

  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const numbersAfter = (text: string, pattern: RegExp): number[] =>
    [...text.matchAll(pattern)].map(([, value]) => Number(value))

  it('are all named in README.md and say how they are run', () => {
    const readme = fs.readFileSync(path.join(root, 'README.md'), 'utf8')
    const names = fs.readdirSync(examples).filter((name) => name.endsWith('.ts'))
    assert.ok(names.length >= 3)
    for (const name of names) {
      assert.ok(readme.includes(`](examples/${name})`), `README.md does not link to ${name}`)
      assert.ok(fs.readFileSync(path.join(examples, name), 'utf8').includes(`npx tsx examples/${name}`), name)
    }
  })

  it('loop.ts can be read in one go, and learns', () => {
    assert.ok(fs.readFileSync(path.join(examples, 'loop.ts'), 'utf8').split('\n').length < 70)
    const rewards = numbersAfter(run('loop.ts', '20'), /reward: ([\d.]+)/g)
    assert.equal(rewards.length, 20)
    const [first, last] = [mean(rewards.slice(0, 5)), mean(rewards.slice(-5))]
    assert.ok(last > first + 0.1, `reward ${first} at first, ${last} in the end: ${rewards.join(', ')}`)
    assert.ok(fs.existsSync(path.join(at(), 'runs/loop/adapter/adapter_model.safetensors')))
  })

  it('own-task.ts trains on its task, pays its reward, and compares on held-out problems', () => {
    const output = run('own-task.ts', '3')
    assert.equal(numbersAfter(output, /([\d.]+) right/g).length, 3)
    const paid = numbersAfter(output, /paid ([\d.]+) for showing work/g)
    assert.ok(paid.length === 3 && paid.every((reward) => reward > 0 && reward <= 0.1), paid.join())
    assert.match(output, /trained against base, sampled: [+-][\d.]+ points/)
  })

  it('pause-and-inspect.ts stops, shows the groups, the files and the adapter, and goes on where it stopped', () => {
    const output = run('pause-and-inspect.ts', '4', 'run')
    assert.deepEqual(numbersAfter(output, /^step (\d+): reward/gm), [1, 2, 3, 4])
    const [before, after = ''] = output.split('rewards so far: ')
    assert.equal(numbersAfter(before!, /^reward [\d.]+, advantage (-?[\d.]+): "/gm).length, 8)
    assert.match(after, /^[\d.]+, [\d.]+\nthe longest completion so far: ".+"\nthe adapter answers: ".+"\n\nstep 3/)
    assert.equal(fs.readFileSync(path.join(at(), 'run/metrics.jsonl'), 'utf8').trim().split('\n').length, 4)
  })

  it('rollout-engine.ts samples by a server that has the adapter of every step', () => {
    const output = run('rollout-engine.ts', '4')
    assert.deepEqual(numbersAfter(output, /^step (\d+): reward/gm), [1, 2, 3, 4])
    // That of an earlier step would be some 0.01 nats away.
    assert.deepEqual(numbersAfter(output, /, ([\d.e-]+) nats/g), [0, 0, 0, 0])
  })
})
