import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { copyFixture } from '../../import/fixture.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { run } from '../run.js'

describe('grpo-ts import', () => {
  const inFolder = useTemporaryFolder()

  beforeEach(() => {
    copyFixture('trl', inFolder('trl'))
  })

  it('says what came back, what is missing, and what to do next', async () => {
    const { code, stdout, stderr } = await run(['import', inFolder('trl'), '--output', inFolder('run')])
    assert.deepEqual([code, stderr], [0, ''])
    const lines = stdout.trim().split('\n')
    assert.deepEqual(
      lines.filter((line) => !line.startsWith('note')),
      [
        'engine   TRL 1.16.0',
        'steps    4',
        'samples  48 completions',
        `adapter  ${inFolder('run', 'adapter')}`,
        `report   ${inFolder('run', 'report.html')}`,
        `next     grpo-ts eval ${inFolder('run')}`,
      ],
    )
    assert.match(stdout, /^note {5}lengths and finish reasons of all completions/m)
  })

  it('makes a run that eval, report and push take', async () => {
    await run(['import', inFolder('trl'), '--output', inFolder('run')])
    const folder = inFolder('run')
    const evaluated = await run(['eval', folder, '--limit', '3', '--samples', '1', '--engine', 'cpu'])
    assert.equal(evaluated.code, 0, evaluated.stderr)
    assert.match(evaluated.stdout, /trained against base, greedy/)
    const shown = await run(['report', folder, '--output', inFolder('page.html')])
    assert.equal(shown.code, 0, shown.stderr)
    const page = fs.readFileSync(inFolder('page.html'), 'utf8')
    assert.ok(page.includes('"engine":"TRL 1.16.0"'))
    const pushed = await run(['push', folder, '--repo', 'some/name', '--dry-run'])
    assert.equal(pushed.code, 0, pushed.stderr)
    assert.match(pushed.stdout, /on the task `word-problems` by TRL 1\.16\.0 and imported by grpo-ts /)
  })

  it('has push refuse a run without an adapter with the reason', async () => {
    copyFixture('trl-chat', inFolder('chat'))
    const { code, stdout } = await run(['import', inFolder('chat'), '--output', inFolder('run')])
    assert.equal(code, 0)
    assert.match(stdout, /^adapter {2}none$/m)
    assert.doesNotMatch(stdout, /^next/m)
    const pushed = await run(['push', inFolder('run'), '--repo', 'some/name', '--dry-run'])
    assert.equal(pushed.code, 1)
    assert.match(pushed.stderr, /is a run of TRL that was imported without an adapter/)
  })

  it('takes the configuration that is named, and an output of a run with --overwrite only', async () => {
    fs.renameSync(inFolder('trl/config.yaml'), inFolder('mine.yaml'))
    const words = ['import', inFolder('trl'), '--output', inFolder('run'), '--config', inFolder('mine.yaml')]
    assert.equal((await run(words)).code, 0)
    const again = await run(words)
    assert.deepEqual([again.code, again.stdout], [2, ''])
    assert.match(again.stderr, /^error: outputDir \S+ already holds a run/)
    assert.equal((await run([...words, '--overwrite'])).code, 0)
  })

  it('takes no word of a hostile adapter into the command that it offers', async () => {
    fs.rmSync(inFolder('trl/config.yaml'))
    const file = inFolder('trl/adapter_config.json')
    for (const [name, shown] of [
      ['owner/name', 'owner/name'],
      ['$(touch x)', 'MODEL'],
      ['\u001b[31mred', 'MODEL'],
    ] as const) {
      const config = JSON.parse(fs.readFileSync(file, 'utf8')) as object
      fs.writeFileSync(file, JSON.stringify({ ...config, base_model_name_or_path: name }))
      const { code, stdout } = await run(['import', inFolder('trl'), '--output', inFolder('run'), '--overwrite'])
      assert.equal(code, 0)
      assert.match(stdout, new RegExp(`^next {5}grpo-ts eval --model ${shown} --adapter \\S+ --task TASK$`, 'm'))
    }
  })

  it('tells errors in a line', async () => {
    assert.equal((await run(['import', inFolder('trl')])).code, 2)
    fs.truncateSync(inFolder('trl/adapter_model.safetensors'), 100)
    const { code, stderr } = await run(['import', inFolder('trl'), '--output', inFolder('run')])
    assert.equal(code, 1)
    assert.match(stderr, /^error: \S+adapter_model\.safetensors: .+\n$/)
    assert.equal(fs.existsSync(path.join(inFolder('run'))), false)
  })
})
