import assert from 'node:assert/strict'
import fs from 'node:fs'
import type { PreflightReport } from '../../../src/grpo/preflight/preflight.js'
import { writeTinyModel } from '../../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { run } from '../run.js'

describe('cli/preflight', () => {
  const inFolder = useTemporaryFolder()

  beforeEach(() => {
    writeTinyModel(inFolder('model'))
  })

  const options = (): string[] => [
    '--model',
    inFolder('model'),
    '--output-dir',
    inFolder('run'),
    '--task',
    'arithmetic',
    '--num-generations',
    '2',
    '--per-device-train-batch-size',
    '4',
    '--max-completion-length',
    '6',
    '--lora-r',
    '2',
    '--max-steps',
    '1',
  ]
  const readReport = (): PreflightReport =>
    JSON.parse(fs.readFileSync(inFolder('run', 'preflight.json'), 'utf8')) as PreflightReport

  it('says what to change, writes it down, and ends with 1 when a run would be useless', async () => {
    const { code, stdout, stderr } = await run(['preflight', ...options()])
    assert.equal(code, 1)
    assert.match(stderr, /would hardly learn anything; see the problems above and .*preflight\.json/)
    const lines = stdout.trimEnd().split('\n')
    assert.match(
      lines.find((line) => line.includes('pass rate'))!,
      /^warning {2}pass rate: 0 % of the completions .*\. Try: /,
    )
    assert.match(
      lines.find((line) => line.includes('usable groups'))!,
      /^problem {2}/,
    )
    assert.match(
      lines.find((line) => line.includes('gold answers'))!,
      /^ok {7}gold answers: correctness pays for the gold answers of all/,
    )
    assert.match(lines.at(-1)!, /^preflight not yet: [12] problems? to solve first \(\d+ s\)$/)
    const report = readReport()
    assert.equal(report.go, false)
    assert.equal(report.checks.length, 10)
  })

  it('comes before a run, which goes on whatever it says, unless told not to', async () => {
    // A preflight alone leaves no run behind that would have to be replaced.
    await run(['preflight', ...options()])
    const trained = await run(['train', ...options()])
    assert.equal(trained.code, 0, trained.stderr)
    assert.match(
      trained.stdout,
      /^preflight up to 80 completions.*\n(.*\n)*problem {2}usable groups: .*\n(.*\n)*preflight not yet/m,
    )
    assert.doesNotMatch(trained.stdout, /gold answers/)
    assert.equal(readReport().checks.length, 10)
    const again = await run(['train', ...options(), '--overwrite', '--no-preflight'])
    assert.equal(again.code, 0, again.stderr)
    assert.doesNotMatch(again.stdout, /preflight/)
    assert.ok(!fs.existsSync(inFolder('run', 'preflight.json')))
  })

  it('does not change the run', async () => {
    const adapter = (): Buffer => fs.readFileSync(inFolder('run', 'adapter', 'adapter_model.safetensors'))
    // A model of random weights earns no reward; the entropy bonus gives it something to change.
    const args = ['--entropy-coef', '1', '--learning-rate', '0.1']
    assert.equal((await run(['train', ...options(), ...args])).code, 0)
    const withPreflight = adapter()
    assert.equal((await run(['train', ...options(), ...args, '--overwrite', '--no-preflight'])).code, 0)
    assert.deepEqual(adapter(), withPreflight)
  })
})
