import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { choosePlugins } from '../../../src/engine/xla/plugins.js'
import { ConfigError, EngineError } from '../../../src/errors.js'
import { pluginsFolder } from '../../../src/xla/setup/installed.js'
import { pluginFor } from '../../../src/xla/setup/wheels.js'
import { temporaryFolder } from '../../fixtures/tinyModel.js'

const VARIABLES = ['GRPO_TS_XLA_PLUGIN', 'GRPO_TS_XLA_FOLDER', 'GRPO_TS_CACHE'] as const

describe('engine/xla: which plugins are tried', () => {
  const inherited = new Map(VARIABLES.map((name) => [name, process.env[name]]))
  beforeEach(() => {
    for (const name of VARIABLES) Reflect.deleteProperty(process.env, name)
    process.env.GRPO_TS_CACHE = temporaryFolder()
  })
  after(() => {
    for (const [name, value] of inherited) {
      if (value === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = value
    }
  })

  /** Writes a file where the plugin of a device would lie. */
  function install(device: 'cpu' | 'cuda12' | 'tpu'): string {
    const { version, library } = pluginFor(device)
    const file = path.join(pluginsFolder(), device, version, library)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, '')
    return file
  }

  it('passes over cards that the system does not show, and says so', function () {
    if (fs.existsSync('/dev/nvidiactl') || fs.existsSync('/dev/accel0')) this.skip()
    const cpu = install('cpu')
    install('cuda12')
    install('tpu')
    const { plugins, passedOver } = choosePlugins('auto', false)
    assert.deepEqual(
      plugins.map(({ file }) => file),
      [cpu],
    )
    assert.equal(passedOver.length, 2)
    assert.match(passedOver[0]!, /^the plugin for cuda12 is passed over, .*\/dev\/nvidiactl/)
    assert.match(passedOver[1]!, /^the plugin for tpu /)
  })

  it('tries the one that was asked for, whatever the system shows', () => {
    const file = install('cuda12')
    assert.deepEqual(
      choosePlugins('cuda12', false).plugins.map((plugin) => plugin.file),
      [file],
    )
    assert.deepEqual(choosePlugins('cpu', false), { plugins: [], passedOver: [] })
  })

  it('takes the plugin of the environment for all devices, once', () => {
    const file = install('cuda12')
    process.env.GRPO_TS_XLA_PLUGIN = file
    for (const device of ['auto', 'cpu', 'tpu'] as const) {
      assert.deepEqual(
        choosePlugins(device, false).plugins.map((plugin) => plugin.file),
        [file],
      )
    }
  })

  it('ends with a variable that names nothing, and leaves it to another engine where nobody asked', () => {
    process.env.GRPO_TS_XLA_PLUGIN = '/nowhere.so'
    assert.throws(() => choosePlugins('auto', false), ConfigError)
    assert.throws(() => choosePlugins('auto', true), EngineError)
  })
})
