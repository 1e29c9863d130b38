import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { UnsupportedError } from '../../src/errors.js'
import { downloadModel } from '../../src/hub/modelFiles.js'
import type { DownloadOptions } from '../../src/hub/download.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { FakeHub } from './fakeHub.js'
import { rejection } from './rejection.js'

const weights = randomBytes(3_000_000)
const files = {
  'config.json': '{"a": 1}',
  'tokenizer.json': '{}',
  'chat_template.jinja': 'hello',
  'model.safetensors': weights,
  'pytorch_model.bin': 'not needed',
  'README.md': 'not needed',
  'onnx/model.onnx': 'not needed',
}

describe('download', () => {
  const temporary = useTemporaryFolder()
  let hub: FakeHub
  let warnings: string[]

  beforeEach(async () => {
    hub = await FakeHub.start()
    hub.addRepository('owner/model', files)
    warnings = []
  })

  afterEach(() => hub.stop())

  function options(more: DownloadOptions = {}): DownloadOptions {
    return {
      endpoint: hub.url,
      token: null,
      cacheFolder: temporary('hub'),
      offline: false,
      onWarning: (message) => warnings.push(message),
      ...more,
      network: { backoffMilliseconds: 1, ...more.network },
    }
  }

  function contentRequests(): string[] {
    return hub.log.filter(({ path }) => path.includes('/get/')).map(({ headers }) => headers.range ?? '')
  }

  it("writes Python's layout, with the needed files alone", async () => {
    const { folder, id, revision } = await downloadModel('owner/model', options())
    const commit = hub.find('model', 'owner/model')!.branches.get('main')!.id
    assert.deepEqual([id, revision], ['owner/model', commit])
    assert.equal(folder, temporary('hub', 'models--owner--model', 'snapshots', commit))
    assert.deepEqual(fs.readdirSync(folder).sort(), [
      'chat_template.jinja',
      'config.json',
      'model.safetensors',
      'tokenizer.json',
    ])
    assert.deepEqual(fs.readFileSync(path.join(folder, 'model.safetensors')), weights)
    assert.match(fs.readlinkSync(path.join(folder, 'config.json')), /^\.\.\/\.\.\/blobs\/[0-9a-f]{40}$/)
    assert.equal(fs.readFileSync(temporary('hub', 'models--owner--model', 'refs', 'main'), 'utf8'), commit)
    const left = fs.readdirSync(temporary('hub'), { recursive: true, encoding: 'utf8' })
    assert.deepEqual(
      left.filter((name) => /incomplete|tmp|\.lock$/.test(name)),
      [],
    )
  })

  it('survives all that a network does, and the file is right', async () => {
    hub.storageFaults = [
      { kind: 'drop', bytes: 700_000 },
      { kind: 'short', bytes: 600_000 },
      { kind: 'stall', bytes: 500_000 },
      { kind: 'status', status: 503, headers: { 'Retry-After': '0' } },
      { kind: 'status', status: 429, headers: { RateLimit: '"resolvers";r=0;t=0' } },
      { kind: 'corrupt', bytes: 1000 },
    ]
    hub.hubFaults = [
      { match: '/revision/', fault: { kind: 'drop', bytes: 0 } },
      { match: '/tree/', fault: { kind: 'status', status: 502 } },
    ]
    hub.expireNextLink()
    const seen: number[] = []
    const onProgress: DownloadOptions['onProgress'] = ({ loadedBytes }) => seen.push(loadedBytes)
    const { folder } = await downloadModel('owner/model', options({ onProgress, network: { stallMilliseconds: 1000 } }))
    assert.deepEqual(fs.readFileSync(path.join(folder, 'model.safetensors')), weights)
    assert.deepEqual(hub.storageFaults, [])
    const begins = contentRequests().map((range) => Number(/=(\d+)/.exec(range)![1]))
    // The expired link, then each attempt where the last one stopped, and after the wrong hash from the start. A connection
    // that is cut may lose the last bytes.
    assert.equal(begins.length, 8)
    assert.deepEqual([begins[0], begins[1], begins.at(-1)], [0, 0, 0])
    const resumed = begins.slice(2, -1)
    for (const [i, atMost] of [700_000, 1_300_000, 1_800_000, 1_800_000, 1_800_000].entries()) {
      assert.ok(resumed[i]! > atMost - 300_000 && resumed[i]! <= atMost, `attempt ${i} began at ${resumed[i]!}`)
      assert.ok(resumed[i]! >= (resumed[i - 1] ?? 1))
    }
    assert.equal(seen.at(-1), weights.length + 8 + 2 + 5)
  })

  it('goes on where a killed process stopped, part by part', async () => {
    const network = { partBytes: 1_000_000, retries: 0 }
    hub.storageFaults = [1, 2, 3].map((n) => ({ kind: 'drop', bytes: n * 200_000 }))
    await rejection(downloadModel('owner/model', options({ network })))
    const before = contentRequests().length
    const { folder } = await downloadModel('owner/model', options({ network }))
    assert.deepEqual(fs.readFileSync(path.join(folder, 'model.safetensors')), weights)
    const asked = contentRequests().slice(before)
    const bytes = asked.map((range) => /=(\d+)-(\d+)/.exec(range)!.slice(1).map(Number))
    const fetched = bytes.reduce((sum, [begin, end]) => sum + end! - begin! + 1, 0)
    // At least one part had got something; those that were stopped with it may have lost theirs.
    assert.ok(fetched < weights.length - 150_000, `${fetched} bytes were fetched again`)
  })

  it('asks for nothing that is there', async () => {
    const first = await downloadModel('owner/model', options())
    hub.log.length = 0
    assert.deepEqual(await downloadModel('owner/model', options()), first)
    assert.equal(hub.log.length, 2)
    hub.log.length = 0
    assert.deepEqual(await downloadModel(`owner/model@${first.revision}`, options()), first)
    assert.deepEqual(await downloadModel('owner/model', options({ offline: true })), first)
    assert.equal(hub.log.length, 0)
  })

  it('takes the cache when the network is down, and says so', async () => {
    const first = await downloadModel('owner/model', options())
    await hub.stop()
    assert.deepEqual(await downloadModel('owner/model', options({ network: { retries: 1 } })), first)
    assert.match(warnings.join(), /ECONNREFUSED.*from the cache/)
    const error = await rejection(downloadModel('owner/other', options({ network: { retries: 1 } })))
    assert.equal(error.kind, 'network')
    assert.match(error.message, /tried 2 times; check the network and HF_ENDPOINT/)
  })

  it('follows a branch that moves on and keeps what did not change', async () => {
    const first = await downloadModel('owner/model', options())
    hub.commit(hub.find('model', 'owner/model')!, 'main', { 'config.json': '{"a": 2}' })
    hub.log.length = 0
    const second = await downloadModel('owner/model', options())
    assert.notEqual(second.revision, first.revision)
    assert.equal(fs.readFileSync(path.join(second.folder, 'config.json'), 'utf8'), '{"a": 2}')
    assert.deepEqual(contentRequests(), [])
    const old = await downloadModel('owner/model', options({ revision: first.revision }))
    assert.equal(fs.readFileSync(path.join(old.folder, 'config.json'), 'utf8'), '{"a": 1}')
  })

  it('reads lists in pages, and shards', async () => {
    hub.pageSize = 2
    const index = { metadata: {}, weight_map: { a: 'model-00001-of-00002.safetensors' } }
    hub.addRepository('owner/shards', {
      'config.json': '{}',
      'model.safetensors.index.json': JSON.stringify(index),
      'model-00001-of-00002.safetensors': 'one',
      'model-00002-of-00002.safetensors': 'two',
    })
    const { folder } = await downloadModel('owner/shards', options())
    assert.equal(fs.readdirSync(folder).length, 4)
  })

  it('tells gated, private, missing and renamed apart', async () => {
    hub.addRepository('owner/gated', files, { grantedUsers: [] })
    hub.addRepository('alice/private', files, { private: true })
    const anonymous = await rejection(downloadModel('owner/gated', options()))
    assert.equal(anonymous.kind, 'gated')
    assert.match(anonymous.message, /accept its conditions on http.*owner\/gated.*HF_TOKEN/)
    const notGranted = await rejection(downloadModel('owner/gated', options({ token: 'hf_good' })))
    assert.match(notGranted.message, /account of your token has not been granted access/)
    for (const id of ['alice/private', 'alice/missing']) {
      const error = await rejection(downloadModel(id, options()))
      assert.equal(error.kind, 'repository-not-found')
      assert.match(error.message, /does not exist .*or is private; .*set HF_TOKEN/)
    }
    await downloadModel('alice/private', options({ token: 'hf_good' }))
    const missing = await rejection(downloadModel('alice/missing', options({ token: 'hf_good' })))
    assert.match(missing.message, /account of your token may not read it/)
    const expired = await rejection(downloadModel('alice/private', options({ token: 'hf_expired' })))
    assert.equal(expired.kind, 'unauthorized')
    const revision = await rejection(downloadModel('owner/model@v9', options()))
    assert.equal(revision.kind, 'revision-not-found')
    hub.renamed.set('owner/old', 'owner/model')
    await downloadModel('owner/old', options())
    assert.match(warnings.join(), /owner\/old is now called owner\/model/)
  })

  it('refuses a model of pickled weights, and paths that leave the cache', async () => {
    hub.addRepository('owner/pickled', { 'config.json': '{}', 'pytorch_model.bin': 'x' })
    await assert.rejects(downloadModel('owner/pickled', options()), (error) => {
      return error instanceof UnsupportedError && /pytorch_model.bin.*safe_serialization/.test(error.message)
    })
    for (const name of ['../../evil.json', '/evil.json', 'a\\b.json']) {
      hub.addRepository('owner/hostile', { ...files, [name]: 'x' })
      const error = await rejection(downloadModel('owner/hostile', options()))
      assert.match(error.message, /not safe to write/)
      hub.repositories.pop()
    }
  })

  it('gives up on content that stays wrong, and keeps none of it', async () => {
    hub.storageFaults = Array.from({ length: 3 }, () => ({ kind: 'corrupt', bytes: 10 }))
    const error = await rejection(downloadModel('owner/model', options()))
    assert.equal(error.kind, 'integrity')
    const blobs = fs.readdirSync(temporary('hub', 'models--owner--model', 'blobs'))
    assert.deepEqual(
      blobs.filter((name) => !/^[0-9a-f]{40}$/.test(name)),
      [],
    )
    assert.ok(!fs.existsSync(temporary('hub', 'models--owner--model', 'refs', 'main')))
  })

  it('sends the token to the Hub alone, and names it nowhere', async () => {
    hub.addRepository('alice/private', files, { private: true })
    await downloadModel('alice/private', options({ token: 'hf_good' }))
    for (const { server, headers } of hub.log) {
      assert.equal(headers.authorization, server === 'hub' ? 'Bearer hf_good' : undefined)
    }
    assert.ok(hub.log.some(({ server }) => server === 'storage'))
    hub.storageFaults = Array.from({ length: 3 }, () => ({ kind: 'drop', bytes: 0 }))
    const broken = await rejection(downloadModel('owner/model', options({ token: 'hf_good', network: { retries: 2 } })))
    const bad = await rejection(downloadModel('owner/model', options({ token: 'hf_good\u00e9' })))
    for (const error of [broken, bad]) {
      const text = JSON.stringify([error.message, error.stack, String(error.cause), Object.entries(error)])
      assert.doesNotMatch(text, /hf_good|Amz-Signature/)
    }
    const everything = fs.readdirSync(temporary('hub'), { recursive: true, encoding: 'utf8' })
    for (const name of everything) {
      const file = temporary('hub', name)
      if (fs.statSync(file).isFile()) assert.ok(!fs.readFileSync(file).includes('hf_good'), name)
    }
  })

  it('stops when it is told to, and keeps what came', async () => {
    hub.storageDelay = 5
    const controller = new AbortController()
    const onProgress: DownloadOptions['onProgress'] = ({ loadedBytes }) => {
      if (loadedBytes > 500_000) controller.abort(new Error('enough'))
    }
    await assert.rejects(downloadModel('owner/model', options({ onProgress, signal: controller.signal })), /enough/)
    hub.storageDelay = 0
    await downloadModel('owner/model', options())
    assert.match(contentRequests().at(-1)!, /^bytes=[1-9]\d{5}/)
  })

  it('copies where links are not wanted', async () => {
    process.env.HF_HUB_DISABLE_SYMLINKS = '1'
    try {
      const { folder } = await downloadModel('owner/model', options())
      assert.ok(fs.lstatSync(path.join(folder, 'config.json')).isFile())
    } finally {
      delete process.env.HF_HUB_DISABLE_SYMLINKS
    }
  })
})
