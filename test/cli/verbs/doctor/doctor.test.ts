import assert from 'node:assert/strict'
import fs from 'node:fs'
import { FakeHub } from '../../../hub/fakeHub.js'
import { pointTo } from '../../../hub/hubEnvironment.js'
import { writeTinyModel } from '../../../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../../../io/temporaryFolder.js'
import { useCacheFolder } from '../../../xla/setup/cacheFolder.js'
import { run } from '../../run.js'

describe('cli/doctor', () => {
  const inFolder = useTemporaryFolder()
  useCacheFolder(() => inFolder('cache'))
  let hub: FakeHub
  let restore: () => void
  beforeEach(async () => {
    hub = await FakeHub.start()
    restore = pointTo(hub, inFolder())
  })
  afterEach(async () => {
    restore()
    await hub.stop()
  })

  it('says what is here, which engines work and which one is taken', async () => {
    const { code, stdout } = await run(['doctor'])
    assert.equal(code, 0)
    for (const line of [
      /^grpo-ts \d/m,
      /^Node\.js +v\d+\.\d+\.\d+ on \w+ \w+$/m,
      /^CPU .*, \d+ cores$/m,
      /^memory +[\d.]+ GiB/m,
      /^WebAssembly +SIMD yes, threads yes, relaxed SIMD (yes|no)$/m,
      /^GPU +\S/m,
      /^XLA +no plugin is installed \(grpo-ts setup xla\)/m,
      /^disk +[\d.]+ GiB free here/m,
      /^Hub +http:\/\/\S+ answers; /m,
      /^cache +\S+: 0 models, 0 data sets$/m,
      /^Python +\S/m,
      /^kernel +\S/m,
      /^cpu +works: (WebAssembly, (128|256) bits wide|native code \([\w-]+\)), .*; matrix product [\d.e+]+ GFLOP\/s$/m,
      /^reference +works: .*; matrix product [\d.]+ GFLOP\/s$/m,
      /^auto +takes cpu: since the engine xla is passed over \(.*\): .*on \d+ threads?$/m,
    ]) {
      assert.match(stdout, line)
    }
  })
  it('says of a model what its weights take in each dtype, of one on the Hub by its config.json alone', async () => {
    const folder = writeTinyModel(
      inFolder('model'),
      { intermediate_size: 2400, num_hidden_layers: 10 },
      { dtype: 'BF16' },
    )
    const here = await run(['doctor', folder])
    assert.equal(here.code, 0, here.stderr)
    assert.match(here.stdout, /^model +\S+: LlamaForCausalLM, 10 layers, 1,165,648 weights$/m)
    assert.match(here.stdout, /^dtype auto +bfloat16: 3 MiB of weights, the engine cpu can hold them$/m)
    assert.match(here.stdout, /^dtype int8 +2 MiB of weights, the engine cpu can hold them$/m)
    assert.match(here.stdout, /^dtype int4 +1 MiB of weights, the engine cpu can hold them$/m)

    const config = JSON.parse(fs.readFileSync(inFolder('model', 'config.json'), 'utf8')) as object
    const large = { ...config, hidden_size: 65536, num_hidden_layers: 200, dtype: 'bfloat16' }
    hub.addRepository('owner/large', { 'config.json': JSON.stringify(large), 'model.safetensors': 'none' })
    const quantization_config = { quant_method: 'bitsandbytes', load_in_4bit: true }
    hub.addRepository('owner/quantised', { 'config.json': JSON.stringify({ ...config, quantization_config }) })
    const remote = await run(['doctor', 'owner/large'])
    assert.equal(remote.code, 0, remote.stderr)
    assert.match(
      remote.stdout,
      /^dtype auto +bfloat16: \d+\.\d\d GiB of weights, more than the .* GiB that the engine cpu can hold/m,
    )
    const quantised = await run(['doctor', 'owner/quantised'])
    assert.match(quantised.stdout, /^dtype auto +bitsandbytes: known when its files are here \(grpo-ts download\)$/m)
    assert.match(quantised.stdout, /^dtype int4 +not for a model that is quantised already$/m)
    await run(['quantise', inFolder('model'), '--dtype', 'int4', '--output', inFolder('copy')])
    const copy = await run(['doctor', inFolder('copy')])
    assert.match(copy.stdout, /^dtype int8 +not for a model that is quantised already\ndtype int4 +as its files are$/m)
    const missing = await run(['doctor', inFolder('missing')])
    assert.equal(missing.code, 1)
    assert.match(missing.stderr, /missing: is no model; expected a folder/)
  })

  it('lists the plugins of XLA, and says which variable names none', async () => {
    const file = inFolder('plugin.so')
    process.env.GRPO_TS_XLA_PLUGIN = file
    try {
      assert.match((await run(['doctor'])).stdout, /^XLA +.*GRPO_TS_XLA_PLUGIN is '.*plugin\.so', which is no file/m)
      fs.writeFileSync(file, '')
      assert.match((await run(['doctor'])).stdout, /^XLA +\S+plugin\.so \(GRPO_TS_XLA_PLUGIN\)/m)
    } finally {
      delete process.env.GRPO_TS_XLA_PLUGIN
    }
  })
  it('says that the Hub cannot be reached, or is not asked, and shows no token', async () => {
    await hub.stop()
    process.env.HF_TOKEN = 'hf_secretSecretSecret'
    const unreachable = await run(['doctor'])
    assert.equal(unreachable.code, 0)
    assert.match(unreachable.stdout, /^Hub +\S+ cannot be reached \(ECONNREFUSED\).*a token is set$/m)
    process.env.HF_HUB_OFFLINE = '1'
    assert.match((await run(['doctor'])).stdout, /^Hub +\S+: not asked, HF_HUB_OFFLINE is set/m)
    assert.doesNotMatch(unreachable.stdout + unreachable.stderr, /secret/)
  })
})
