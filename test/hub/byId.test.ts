import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { ConfigError, DataError, HubError } from '../../src/errors.js'
import { chooseDataFiles, downloadDataset } from '../../src/hub/datasetFiles.js'
import { pinnedName, resolveModel } from '../../src/hub/resolve.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { loadTask } from '../../src/tasks/loadTask.js'
import { run } from '../cli/run.js'
import { ggufFixture } from '../fixtures/gguf/fixture.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { FakeHub } from './fakeHub.js'
import { pointTo } from './hubEnvironment.js'

const gsm8k = path.join(import.meta.dirname, '../fixtures/gsm8k')

describe('models and data by their Hub ids', () => {
  const temporary = useTemporaryFolder()
  let hub: FakeHub
  let restore: () => void

  beforeEach(async () => {
    hub = await FakeHub.start()
    restore = pointTo(hub, temporary())
    hub.addRepository('owner/tiny', filesOf(temporaryTinyModel()))
    const dataset = filesOf(path.join(gsm8k, 'main'), 'main/')
    hub.addRepository('openai/gsm8k', { ...dataset, 'socratic/train.jsonl': '{}' }, { type: 'dataset' })
  })

  afterEach(async () => {
    restore()
    await hub.stop()
  })

  function filesOf(folder: string, prefix = ''): Record<string, Buffer> {
    return Object.fromEntries(fs.readdirSync(folder).map((n) => [prefix + n, fs.readFileSync(path.join(folder, n))]))
  }

  function commitOf(type: string, id: string): string {
    return hub.find(type, id)!.branches.get('main')!.id
  }

  it('load, and an adapter names the model by id and commit', async () => {
    const model = await loadModel('owner/tiny')
    const policy = model.withLora({ r: 2 })
    await policy.saveAdapter(temporary('adapter'))
    policy.dispose()
    model.dispose()
    const config = JSON.parse(fs.readFileSync(temporary('adapter', 'adapter_config.json'), 'utf8')) as unknown
    const { base_model_name_or_path: name, revision } = config as Record<string, unknown>
    assert.deepEqual([name, revision], ['owner/tiny', commitOf('model', 'owner/tiny')])
  })

  it('load one GGUF file of many, by its name or by what it is quantised to', async () => {
    const file = fs.readFileSync(ggufFixture('qwen2'))
    hub.addRepository('owner/files', {
      'README.md': Buffer.from('x'),
      'tiny-Q8_0.gguf': file,
      'tiny-Q4_K_M.gguf': Buffer.from('not this one'),
      'more/tiny-IQ4_K_M.gguf': Buffer.from('nor this one'),
      'more/other-f16.gguf': Buffer.from('x'),
      'tiny-f16.gguf': Buffer.from('x'),
    })
    const commit = commitOf('model', 'owner/files')
    for (const name of ['owner/files:q8_0', 'owner/files:tiny-Q8_0.gguf', `owner/files@${commit}:Q8_0`]) {
      const source = await resolveModel(name)
      assert.equal(path.basename(source.folder), 'tiny-Q8_0.gguf')
      assert.deepEqual(fs.readdirSync(path.dirname(source.folder)), ['tiny-Q8_0.gguf'])
      assert.equal(pinnedName(source), `owner/files@${commit}:tiny-Q8_0.gguf`)
    }
    const model = await loadModel(`owner/files@${commit}:tiny-Q8_0.gguf`)
    assert.equal(model.config.architecture, 'Qwen2ForCausalLM')
    model.dispose()
    await assert.rejects(
      loadModel('owner/files:Q5_0'),
      /no GGUF file that 'Q5_0' names.*it holds more\/other-f16\.gguf, /,
    )
    await assert.rejects(
      loadModel('owner/files:f16'),
      /several GGUF files that 'f16' names.*it holds more\/other-f16\.gguf, tiny-f16\.gguf$/,
    )
    await assert.rejects(loadModel('owner/files'), /name one of its GGUF files, as in owner\/files:Q4_K_M/)
    assert.equal(path.basename((await resolveModel('owner/files:Q4_K_M')).folder), 'tiny-Q4_K_M.gguf')
  })

  it('say when a mistyped path was taken for an id', async () => {
    await assert.rejects(loadModel('models/tiny'), (error) => {
      return error instanceof HubError && /does not exist.*Nor is there a folder models\/tiny here/.test(error.message)
    })
  })

  it('are tasks', async () => {
    const task = await loadTask('gsm8k', { data: 'openai/gsm8k' })
    const local = await loadTask('gsm8k', { data: gsm8k })
    assert.deepEqual(task.problems, local.problems)
    assert.ok(!hub.log.some(({ path }) => path.includes('socratic') && path.includes('resolve')))
  })

  it('are known by the tasks: GSM8K, and MATH with all its subjects', async () => {
    assert.deepEqual((await loadTask('gsm8k')).problems, (await loadTask('gsm8k', { data: gsm8k })).problems)
    const row = (subject: string): string => JSON.stringify({ problem: subject, solution: '\\boxed{1}', type: subject })
    const subjects = { 'algebra/train.jsonl': row('Algebra'), 'geometry/train.jsonl': row('Geometry') }
    hub.addRepository('EleutherAI/hendrycks_math', subjects, { type: 'dataset' })
    const math = await loadTask('math')
    assert.deepEqual(math.problems.map(({ question }) => question).sort(), ['Algebra', 'Geometry'])
  })

  it("come from the Hub's own conversion when a data set has neither JSON Lines nor parquet", async () => {
    const repository = hub.addRepository('owner/script', { 'script.py': 'x' }, { type: 'dataset' })
    await assert.rejects(downloadDataset('owner/script'), DataError)
    const parts = fs.readdirSync(path.join(gsm8k, 'main')).sort()
    const converted = parts.map((name, i) => [`default/train/000${i}.parquet`, path.join(gsm8k, 'main', name)] as const)
    const files = Object.fromEntries(converted.map(([name, file]) => [name, fs.readFileSync(file)]))
    hub.commit(repository, 'refs/convert/parquet', files)
    const task = await loadTask('gsm8k', { data: 'owner/script' })
    const local = await loadTask('gsm8k', { data: path.join(gsm8k, 'main') })
    assert.deepEqual(task.problems, local.problems)
    const { revision } = await downloadDataset('owner/script', { offline: true })
    assert.equal(revision, repository.branches.get('refs/convert/parquet')!.id)
    assert.deepEqual((await loadTask('gsm8k', { data: `owner/script@${revision}` })).problems, local.problems)
  })

  it('know the configurations of a data set', () => {
    const paths = ['a/train.jsonl', 'b/train.jsonl', 'README.md']
    assert.deepEqual(chooseDataFiles(paths, 'x/y', { config: 'b' }), ['b/train.jsonl'])
    assert.deepEqual(chooseDataFiles(['a/train.jsonl'], 'x/y'), ['a/train.jsonl'])
    assert.deepEqual(chooseDataFiles([...paths, 'test.jsonl'], 'x/y'), ['test.jsonl'])
    assert.throws(() => chooseDataFiles(paths, 'x/y'), ConfigError)
    assert.deepEqual(chooseDataFiles(paths, 'x/y', { allConfigs: true }), paths.slice(0, 2))
    assert.throws(() => chooseDataFiles(paths, 'x/y', { config: 'c' }), /no configuration 'c'; it has: a, b/)
    assert.throws(() => chooseDataFiles(['x.csv'], 'x/y'), DataError)
  })

  it('are known to the command line', async () => {
    const { code, stdout, stderr } = await run(['download', 'owner/tiny'])
    assert.equal(code, 0, stderr)
    assert.equal(stdout.trim(), temporary('hub', 'models--owner--tiny', 'snapshots', commitOf('model', 'owner/tiny')))
    const dataset = await run(['download', 'openai/gsm8k', '--dataset', '--config', 'main'])
    assert.match(dataset.stdout, /datasets--openai--gsm8k/)
    const missing = await run(['download', 'owner/missing'])
    assert.equal(missing.code, 1)
    assert.match(missing.stderr, /^error: model owner\/missing does not exist/)
    const wrong = await run(['download', 'one/two/three'])
    assert.equal(wrong.code, 2)
    const generated = await run(['generate', '--model', 'owner/tiny', '--prompt', 'a', '--max-completion-length', '2'])
    assert.equal(generated.code, 0, generated.stderr)
  })

  it('are pinned in the config of a run, which then repeats it', async () => {
    const outputDir = temporary('run')
    const flags = ['--per-device-train-batch-size', '2', '--num-generations', '2', '--max-completion-length', '2']
    const args = ['train', '--model', 'owner/tiny', '--task', 'gsm8k', '--data', 'openai/gsm8k', '--max-steps', '1']
    const { code, stderr } = await run([
      ...args,
      ...flags,
      '--gradient-accumulation-steps',
      '1',
      '--output-dir',
      outputDir,
    ])
    assert.equal(code, 0, stderr)
    const config = parse(fs.readFileSync(path.join(outputDir, 'config.yaml'), 'utf8')) as Record<string, unknown>
    assert.equal(config.model, `owner/tiny@${commitOf('model', 'owner/tiny')}`)
    assert.equal(config.data, `openai/gsm8k@${commitOf('dataset', 'openai/gsm8k')}`)
    await hub.stop()
    const again = await run(['train', path.join(outputDir, 'config.yaml'), '--overwrite'])
    assert.equal(again.code, 0, again.stderr)
  })
})
