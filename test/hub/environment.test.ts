import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { hubEnvironment } from '../../src/hub/environment.js'
import { isRepositoryId, parseRepository } from '../../src/hub/repository.js'
import { ConfigError } from '../../src/errors.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { pythonWith } from '../python.js'

describe('hubEnvironment', () => {
  const temporary = useTemporaryFolder()
  const home = os.homedir()

  it('has the defaults of huggingface_hub', () => {
    const environment = hubEnvironment({ HF_TOKEN_PATH: temporary('none') })
    assert.equal(environment.endpoint, 'https://huggingface.co')
    assert.equal(environment.cacheFolder, path.join(home, '.cache/huggingface/hub'))
    assert.deepEqual([environment.token, environment.offline, environment.symlinks], [null, false, true])
  })

  it('reads the token from HF_TOKEN, then from the file', () => {
    fs.writeFileSync(temporary('token'), 'hf_file\n')
    const file = { HF_TOKEN_PATH: temporary('token') }
    assert.equal(hubEnvironment(file).token, 'hf_file')
    assert.equal(hubEnvironment({ HF_HOME: temporary() }).token, 'hf_file')
    assert.equal(hubEnvironment({ ...file, HF_TOKEN: ' hf_own\r\n' }).token, 'hf_own')
    assert.equal(hubEnvironment({ ...file, HF_TOKEN: '' }).token, 'hf_file')
    assert.equal(hubEnvironment({ ...file, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }).token, null)
  })

  it('agrees with huggingface_hub where that is installed', function () {
    const python = pythonWith(this, 'huggingface_hub')
    const cases: Record<string, string>[] = [
      {},
      { HF_HOME: '~/somewhere', HF_ENDPOINT: 'https://mirror.example//' },
      { XDG_CACHE_HOME: '/x', HF_HUB_OFFLINE: 'yes' },
      { HF_HOME: '$PLACE/a', PLACE: '/place', HF_TOKEN: ' hf_x ' },
      { HF_HUB_CACHE: '${PLACE}/c/$UNKNOWN', PLACE: '/place', HF_HOME: '/other', HF_HUB_OFFLINE: '' },
      { HUGGINGFACE_HUB_CACHE: '/legacy', TRANSFORMERS_OFFLINE: 'TRUE', HUGGING_FACE_HUB_TOKEN: 'hf_legacy' },
      { HF_HUB_OFFLINE: '0', TRANSFORMERS_OFFLINE: '1', HF_TOKEN: '' },
    ]
    const environments = cases.map((variables) => ({ HOME: home, HF_TOKEN_PATH: temporary('none'), ...variables }))
    const program = `
import importlib, json, os, sys
from huggingface_hub import constants, get_token
def read(variables):
    os.environ.clear()
    os.environ.update(variables)
    c = importlib.reload(constants)
    return [c.ENDPOINT, c.HF_HUB_CACHE, get_token(), c.HF_HUB_OFFLINE]
print(json.dumps([read(variables) for variables in json.load(sys.stdin)]))`
    const result = spawnSync(python, ['-c', program], { input: JSON.stringify(environments), encoding: 'utf8' })
    const ours = environments.map((variables) => {
      const { endpoint, cacheFolder, token, offline } = hubEnvironment(variables)
      return [endpoint, cacheFolder, token, offline]
    })
    assert.deepEqual(ours, JSON.parse(result.stdout))
  })
})

describe('repository ids', () => {
  it('are told from folders', () => {
    for (const id of ['owner/name', 'HuggingFaceTB/SmolLM2-135M-Instruct', 'a/b.c_d@v1', 'a/b@refs/pr/1']) {
      assert.ok(isRepositoryId(id), id)
    }
    for (const folder of [
      'name',
      './a/b',
      '/a/b',
      '../b',
      'a/b/c',
      'a\\b',
      'a/',
      'a/b--c',
      '-a/b',
      'a/b..c',
      'C:/models',
    ]) {
      assert.ok(!isRepositoryId(folder), folder)
    }
  })

  it('hold a revision, which an option may also give', () => {
    assert.deepEqual(parseRepository('a/b', 'model'), { type: 'model', id: 'a/b', revision: 'main' })
    assert.equal(parseRepository('a/b@v1', 'model').revision, 'v1')
    assert.equal(parseRepository('a/b', 'model', 'refs/pr/1').revision, 'refs/pr/1')
    assert.throws(() => parseRepository('a/b@v1', 'model', 'v2'), ConfigError)
    assert.throws(() => parseRepository('a/b@../../x', 'model'), ConfigError)
    assert.throws(() => parseRepository('a/b/c', 'model'), ConfigError)
  })
})
