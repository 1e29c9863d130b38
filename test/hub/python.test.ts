import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { downloadModel } from '../../src/hub/modelFiles.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { pythonWith } from '../python.js'
import { FakeHub } from './fakeHub.js'

describe("the cache is that of Python's huggingface_hub", () => {
  const temporary = useTemporaryFolder()
  let hub: FakeHub

  beforeEach(async () => {
    hub = await FakeHub.start()
    const files = { 'config.json': '{"a": 1}', 'tokenizer.json': '{}', 'model.safetensors': randomBytes(2_000_000) }
    hub.addRepository('owner/model', files)
  })

  afterEach(() => hub.stop())

  /** What a Python program prints as JSON, with the fake Hub as its Hub. */
  async function python(test: Mocha.Context, program: string): Promise<unknown> {
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: temporary(),
      HF_ENDPOINT: hub.url,
      HF_HUB_CACHE: temporary('hub'),
    }
    const child = spawn(pythonWith(test, 'huggingface_hub'), ['-W', 'ignore', '-c', program], {
      env: { ...env, HF_HUB_DISABLE_XET: '1', HF_HUB_DISABLE_PROGRESS_BARS: '1', HF_HUB_DISABLE_TELEMETRY: '1' },
    })
    const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    assert.notEqual(out, '', errors)
    return JSON.parse(out)
  }

  const options = () => ({ endpoint: hub.url, cacheFolder: temporary('hub'), token: null, offline: false })

  it('which finds there what we downloaded, offline and online', async function () {
    const { folder } = await downloadModel('owner/model', options())
    hub.log.length = 0
    const program = `
import json
from huggingface_hub import snapshot_download, hf_hub_download, scan_cache_dir
offline = snapshot_download("owner/model", local_files_only=True)
one = hf_hub_download("owner/model", "model.safetensors", local_files_only=True)
online = snapshot_download("owner/model")
scan = scan_cache_dir()
repo = next(iter(scan.repos))
print(json.dumps([offline, one, online, [str(w) for w in scan.warnings], len(scan.incomplete_files), repo.repo_id, repo.nb_files]))`
    const weights = path.join(folder, 'model.safetensors')
    const expected = [folder, weights, folder, [], 0, 'owner/model', 3]
    assert.deepEqual(await python(this, program), expected)
    assert.ok(!hub.log.some(({ server }) => server === 'storage'), 'it fetched a file again')
  })

  it('whose downloads we find', async function () {
    const program = `
import json
from huggingface_hub import snapshot_download
print(json.dumps(snapshot_download("owner/model")))`
    const folder = await python(this, program)
    hub.log.length = 0
    assert.equal((await downloadModel('owner/model', options())).folder, folder)
    assert.equal(hub.log.length, 2)
    assert.equal((await downloadModel('owner/model', { ...options(), offline: true })).folder, folder)
    assert.ok(fs.lstatSync(path.join(String(folder), 'config.json')).isSymbolicLink())
  })
})
