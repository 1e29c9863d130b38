import assert from 'node:assert/strict'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { findTensorflowLibrary } from '../../../src/engine/tensorflow/tensorflowLibrary.js'
import { findTfjsNode, registerTfjsNode } from '../../../src/engine/tensorflow/tfjsNode.js'
import { EngineError } from '../../../src/errors.js'

describe('engine/tensorflow: what is installed', () => {
  let folder: string
  let require: NodeJS.Require
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-tfjs-node-'))
    require = createRequire(path.join(folder, 'index.js'))
  })
  afterEach(() => {
    fs.rmSync(folder, { recursive: true })
  })

  /** Installs a package that is called `name` under the name `as`, with what an install script made. */
  function install(as: string, name: string, files: readonly string[] = []): string {
    const to = path.join(folder, 'node_modules', as)
    fs.mkdirSync(to, { recursive: true })
    fs.writeFileSync(path.join(to, 'package.json'), JSON.stringify({ name, version: '4.22.0' }))
    for (const file of files) {
      fs.mkdirSync(path.dirname(path.join(to, file)), { recursive: true })
      fs.writeFileSync(path.join(to, file), 'no addon')
    }
    return fs.realpathSync(to)
  }

  it('is nothing, with what to do', () => {
    assert.match(findTfjsNode(require) as string, /^no package of TensorFlow is installed; npm install @tensorflow\//)
  })

  it('is no tfjs under the name of tfjs-node, as the override for danfojs-node puts there', () => {
    install('@tensorflow/tfjs-node', '@tensorflow/tfjs')
    assert.match(
      findTfjsNode(require) as string,
      /tfjs-node holds @tensorflow\/tfjs under the name of @tensorflow\/tfjs-node, by an override of npm; npm install @tensorflow\/tfjs-node-gpu/,
    )
  })

  it('is the package for GPUs before the one for CPUs, where its addon is there', () => {
    const cpu = install('@tensorflow/tfjs-node', '@tensorflow/tfjs-node', [
      'lib/napi-v7/tfjs_binding.node',
      'lib/napi-v8/tfjs_binding.node',
    ])
    install('@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node-gpu')
    assert.deepEqual(findTfjsNode(require), {
      name: '@tensorflow/tfjs-node',
      folder: cpu,
      binding: path.join(cpu, 'lib/napi-v8/tfjs_binding.node'),
    })
    const gpu = install('@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node-gpu', ['lib/napi-v8/tfjs_binding.node'])
    assert.deepEqual(findTfjsNode(require), {
      name: '@tensorflow/tfjs-node-gpu',
      folder: gpu,
      binding: path.join(gpu, 'lib/napi-v8/tfjs_binding.node'),
    })
  })

  it('says that an addon was not downloaded, or cannot be loaded', function () {
    const empty = install('@tensorflow/tfjs-node', '@tensorflow/tfjs-node')
    assert.ok((findTfjsNode(require) as string).startsWith(`${empty} has no addon, for its install script did not run`))
    install('@tensorflow/tfjs-node', '@tensorflow/tfjs-node', ['lib/napi-v8/tfjs_binding.node'])
    const found = findTfjsNode(require)
    assert.ok(typeof found !== 'string')
    // Once the real one is registered, that one is taken.
    if (typeof findTfjsNode() !== 'string') this.skip()
    assert.throws(
      () => registerTfjsNode(found),
      (error) =>
        error instanceof EngineError && error.message.startsWith(`@tensorflow/tfjs-node (${empty}) cannot be loaded: `),
    )
  })

  it('may bring a library, unless TENSORFLOW_LIBRARY names another one', () => {
    const before = process.env.TENSORFLOW_LIBRARY
    try {
      delete process.env.TENSORFLOW_LIBRARY
      assert.equal(findTensorflowLibrary(null), null)
      const own = install('@tensorflow/tfjs-node', '@tensorflow/tfjs-node', [
        'lib/napi-v8/tfjs_binding.node',
        'deps/lib/libtensorflow.so.2',
        'deps/lib/libtensorflow_framework.so.2',
      ])
      const found = findTfjsNode(require)
      assert.ok(typeof found !== 'string')
      assert.equal(findTensorflowLibrary(found), path.join(own, 'deps/lib/libtensorflow.so.2'))

      const wheel = path.join(folder, 'site-packages/tensorflow')
      fs.mkdirSync(wheel, { recursive: true })
      process.env.TENSORFLOW_LIBRARY = wheel
      assert.throws(
        () => findTensorflowLibrary(found),
        (error) =>
          error instanceof EngineError && error.message.includes(`'${wheel}', where there is no library of TensorFlow`),
      )
      const file = path.join(wheel, 'libtensorflow_cc.so.2')
      fs.writeFileSync(file, '')
      assert.equal(findTensorflowLibrary(found), file)
      process.env.TENSORFLOW_LIBRARY = file
      assert.equal(findTensorflowLibrary(found), file)
    } finally {
      if (before === undefined) delete process.env.TENSORFLOW_LIBRARY
      else process.env.TENSORFLOW_LIBRARY = before
    }
  })
})
