// Opens the plugin that a test names, tells what it is, and ends with work under way: see clients.test.ts.
import { parentPort, workerData } from 'node:worker_threads'
import { register } from 'tsx/esm/api'

register()
const { openPjrt } = await import('../../../src/xla/runtime/pjrt.ts')
const type = { dtype: 'f32', shape: [1_000_000] }
try {
  const runner = await openPjrt({ file: workerData })
  void runner.read(runner.upload(new Float32Array(1_000_000), type))
  parentPort.postMessage(runner.info.compiler)
  process.exit()
} catch (error) {
  parentPort.postMessage(error.message)
}
