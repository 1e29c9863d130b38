import assert from 'node:assert/strict'
import fs from 'node:fs'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { run } from '../run.js'

describe('cli/pretrain', () => {
  const inFolder = useTemporaryFolder()

  beforeEach(() => {
    fs.writeFileSync(
      inFolder('tiny.yaml'),
      'hidden_size: 16\nintermediate_size: 24\nnum_layers: 1\nnum_heads: 2\nnum_key_value_heads: 1\ntokens_per_step: 128\n' +
        'max_steps: 4\nwarmup_steps: 1\ndecay_steps: 1\nsave_steps: 2\n',
    )
  })

  const pretrain = (...args: string[]) =>
    run(['pretrain', inFolder('tiny.yaml'), '--output-dir', inFolder('run'), ...args])

  it('trains, and leaves a model, metrics, config and checkpoints', async () => {
    const { code, stdout, stderr } = await pretrain('--seed', '3')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^model {4}Llama, 1 layers, [\d,]+ parameters$/m)
    assert.deepEqual(fs.readdirSync(inFolder('run')).sort(), ['checkpoints', 'config.yaml', 'metrics.jsonl', 'model'])
    assert.match(fs.readFileSync(inFolder('run', 'config.yaml'), 'utf8'), /^seed: 3$/m)
    assert.equal(fs.readFileSync(inFolder('run', 'metrics.jsonl'), 'utf8').trimEnd().split('\n').length, 4)
    assert.deepEqual(fs.readdirSync(inFolder('run', 'checkpoints')), ['step-2', 'step-4'])
    assert.ok(fs.existsSync(inFolder('run', 'model', 'model.safetensors')))
  })

  it('goes on with --resume, and refuses a folder that holds a run without it', async () => {
    assert.equal((await pretrain()).code, 0)
    const refused = await pretrain()
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /already holds a run/)
    const resumed = await pretrain('--resume', '--max-steps', '6')
    assert.equal(resumed.code, 0, resumed.stderr)
    assert.match(resumed.stdout, /resumed {2}after update 4/)
    assert.equal(fs.readFileSync(inFolder('run', 'metrics.jsonl'), 'utf8').trimEnd().split('\n').length, 6)
  })

  it('names options that are wrong', async () => {
    fs.writeFileSync(inFolder('tiny.yaml'), 'hidden_siz: 16\n')
    const { code, stderr } = await pretrain()
    assert.equal(code, 2)
    assert.match(stderr, /did you mean hidden_size/)
    assert.equal((await pretrain('--max-steps', 'many')).code, 2)
  })
})
