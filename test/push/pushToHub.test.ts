import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { selectEngine } from '../../src/engine/registry.js'
import { ConfigError, FileFormatError } from '../../src/errors.js'
import { readEvaluation } from '../../src/run/evaluationFile.js'
import { downloadModel } from '../../src/hub/modelFiles.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { pushToHub } from '../../src/push/pushToHub.js'
import type { PushOptions } from '../../src/push/pushToHub.js'
import { run as runCommand } from '../cli/run.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'
import { FakeHub } from '../hub/fakeHub.js'
import { pointTo } from '../hub/hubEnvironment.js'
import { rejection } from '../hub/rejection.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { writeFinishedRun } from './finishedRun.js'

const expected = [
  'README.md',
  'adapter_config.json',
  'adapter_model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
  'training/config.yaml',
  'training/metrics.jsonl',
  'training/eval.json',
  '.eval_results/letters.yaml',
]

describe('pushToHub', () => {
  const temporary = useTemporaryFolder()
  let hub: FakeHub
  let restore: () => void
  let run: string
  let warnings: string[]

  before(() => selectEngine('cpu'))

  beforeEach(async () => {
    hub = await FakeHub.start()
    restore = pointTo(hub, temporary())
    const model = temporaryTinyModel()
    const files = fs.readdirSync(model).map((name) => [name, fs.readFileSync(path.join(model, name))] as const)
    hub.addRepository('owner/tiny', Object.fromEntries(files))
    run = await writeFinishedRun(temporary('run'), { model: 'owner/tiny', data: 'owner/letters@v1' })
    hub.log.length = 0
    warnings = []
  })

  afterEach(async () => {
    restore()
    await hub.stop()
  })

  function options(more: Partial<PushOptions> = {}): PushOptions {
    const network = { backoffMilliseconds: 1, retries: 2 }
    return { run, repo: 'alice/letters', token: 'hf_good', network, onWarning: (line) => warnings.push(line), ...more }
  }

  function pushed(): ReadonlyMap<string, Buffer> {
    return hub.find('model', 'alice/letters')!.branches.get('main')!.files
  }

  function uploads(): string[] {
    return hub.log.filter(({ method }) => method === 'PUT').map(({ path }) => path)
  }

  function commits(): number {
    return hub.log.filter(({ path }) => path.includes('/commit/')).length
  }

  it('makes a private repository with everything in one commit, which loads again', async () => {
    const { url, commit, files } = await pushToHub(options())
    assert.equal(url, `${hub.url}/alice/letters`)
    const repository = hub.find('model', 'alice/letters')!
    assert.equal(repository.private, true)
    assert.equal(repository.branches.get('main')!.id, commit)
    assert.equal(commits(), 1)
    assert.deepEqual(files.map((file) => file.path).sort(), expected.toSorted())
    assert.deepEqual([...pushed().keys()].sort(), ['.gitattributes', ...expected].sort())
    for (const { path, size } of files) assert.equal(pushed().get(path)!.length, size, path)
    const weights = fs.readFileSync(path.join(run, 'adapter', 'adapter_model.safetensors'))
    assert.deepEqual(pushed().get('adapter_model.safetensors'), weights)
    assert.deepEqual(warnings, [])
    const { folder } = await downloadModel('alice/letters', { token: 'hf_good' })
    const base = await loadModel('owner/tiny')
    base.withAdapter(folder).dispose()
    base.dispose()
  })

  it('tells nothing of this machine', async () => {
    const local = await writeFinishedRun(temporary('local'), { model: temporaryTinyModel() })
    for (const run of [local, temporary('run')]) {
      await pushToHub(options({ run, baseModel: 'owner/tiny' }))
      for (const [name, bytes] of pushed()) {
        assert.ok(!bytes.includes(temporary()) && !bytes.includes('/tmp/'), name)
        assert.ok(!bytes.includes('hf_good'), name)
      }
    }
    const config = parse(pushed().get('training/config.yaml')!.toString()) as Record<string, unknown>
    assert.equal(config.output_dir, 'run')
    fs.writeFileSync(temporary('eval.json'), pushed().get('training/eval.json')!)
    assert.equal(readEvaluation(temporary('eval.json')).policies[1]!.adapter, 'adapter')
  })

  it('sends nothing in a dry run, which shows what would be sent', async () => {
    const dry = await pushToHub(options({ dryRun: true, token: null }))
    assert.equal(dry.commit, null)
    assert.deepEqual(
      hub.log.filter(({ method }) => method !== 'GET'),
      [],
    )
    assert.equal(hub.find('model', 'alice/letters'), undefined)
    const real = await pushToHub(options())
    const summary = (files: typeof dry.files): unknown => files.map(({ path, size }) => [path, size])
    assert.deepEqual(summary(dry.files), summary(real.files))
    assert.equal(pushed().get('README.md')!.toString(), dry.card)
  })

  it('goes on after a failure, and does not send again what is there', async () => {
    hub.hubFaults = Array.from({ length: 3 }, () => ({ match: '/commit/', fault: { kind: 'status', status: 503 } }))
    const error = await rejection(pushToHub(options()))
    assert.equal(error.kind, 'network')
    assert.equal(uploads().length, 1)
    const { commit } = await pushToHub(options())
    assert.equal(uploads().length, 1, 'the adapter was sent twice')
    hub.log.length = 0
    const again = await pushToHub(options())
    assert.equal(again.commit, commit)
    assert.ok(again.files.every(({ isSent }) => !isSent))
    assert.equal(commits(), 0)
    fs.appendFileSync(path.join(run, 'metrics.jsonl'), '{"step":21,"reward":0.5}\n')
    const { files } = await pushToHub(options())
    const sent = files.filter(({ isSent }) => isSent).map(({ path }) => path)
    assert.deepEqual(sent, ['README.md', 'training/metrics.jsonl'])
    assert.deepEqual(uploads(), [])
  })

  it('tries again when the storage fails, and when the answer to a commit is lost', async () => {
    hub.storageFaults = [
      { kind: 'status', status: 500 },
      { kind: 'drop', bytes: 0 },
    ]
    await pushToHub(options())
    assert.deepEqual([...pushed().keys()].sort(), ['.gitattributes', ...expected].sort())
    fs.appendFileSync(path.join(run, 'metrics.jsonl'), '{"step":21,"reward":0.5}\n')
    hub.hubFaults = [{ match: '/commit/', fault: { kind: 'lost' } }]
    const { commit } = await pushToHub(options())
    const repository = hub.find('model', 'alice/letters')!
    assert.equal(repository.branches.get('main')!.id, commit)
    assert.equal(repository.commits.length, 3)
  })

  it('sends the token to the Hub alone', async () => {
    hub.multipartBytes = 5000
    await pushToHub(options())
    assert.ok(uploads().length > 1)
    for (const { server, headers, search, body } of hub.log) {
      assert.equal(headers.authorization, server === 'hub' ? 'Bearer hf_good' : undefined)
      assert.ok(!`${search}${body}`.includes('hf_good'))
    }
    const bad = await rejection(pushToHub(options({ token: 'hf_bad' })))
    assert.equal(bad.kind, 'unauthorized')
    assert.doesNotMatch(`${bad.message} ${bad.stack ?? ''} ${String(bad.cause)}`, /hf_bad/)
  })

  it('refuses what cannot be meant', async () => {
    assert.equal((await rejection(pushToHub(options({ token: null })))).kind, 'unauthorized')
    assert.equal((await rejection(pushToHub(options({ repo: 'bob/letters' })))).kind, 'forbidden')
    await assert.rejects(pushToHub(options({ repo: 'letters' })), ConfigError)
    await assert.rejects(pushToHub(options({ run: temporary() })), FileFormatError)
    hub.addRepository('alice/public', {})
    await assert.rejects(pushToHub(options({ repo: 'alice/public' })), /everybody can see it.*--public/)
    await pushToHub(options({ repo: 'alice/public', public: true }))
  })

  it('leaves out an evaluation that is older than the adapter', async () => {
    const old = new Date(Date.now() - 3_600_000)
    fs.utimesSync(path.join(run, 'eval.json'), old, old)
    const { files, card } = await pushToHub(options({ dryRun: true }))
    assert.ok(files.every(({ path }) => !path.includes('eval')))
    assert.match(card, /Not evaluated\./)
    assert.match(warnings.join(), /eval.json is older than the adapter/)
  })

  it('is a verb of the command line', async () => {
    process.env.HF_TOKEN = 'hf_good'
    const dry = await runCommand(['push', run, '--repo', 'alice/letters', '--dry-run'])
    assert.equal(dry.code, 0, dry.stderr)
    for (const name of expected) assert.ok(dry.stdout.includes(name), name)
    assert.match(dry.stdout, /9 files, [\d,]+ bytes, would go to .*alice\/letters \(private\)\. Nothing was sent\./)
    assert.match(dry.stdout, /^# letters$/m)
    const real = await runCommand(['push', run, '--repo', 'alice/letters', '--license', 'apache-2.0'])
    assert.equal(real.code, 0, real.stderr)
    assert.match(real.stdout, /alice\/letters at commit [0-9a-f]{40}/)
    assert.match(pushed().get('README.md')!.toString(), /^license: apache-2.0$/m)
  })
})
