import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { useTemporaryFolder } from './temporaryFolder.js'

const root = path.resolve(import.meta.dirname, '../..')

describe('io/moduleWorker', () => {
  const inFolder = useTemporaryFolder()

  for (const [silent, printed] of [
    [false, 'out\n'],
    [true, ''],
  ] as const) {
    it(`lets a process end whose idle thread has printed ${silent ? 'in silence' : 'something'}, also in a program of -e`, async () => {
      fs.writeFileSync(inFolder('package.json'), '{"type": "module"}')
      fs.writeFileSync(
        inFolder('thread.ts'),
        `import { parentPort } from 'node:worker_threads'
        parentPort!.on('message', () => { console.log('out'); parentPort!.postMessage(1) })`,
      )
      const url = pathToFileURL(inFolder('thread.js')).href
      const program = `
        import { startModuleWorker } from './src/io/moduleWorker.ts'
        const worker = startModuleWorker(new URL(${JSON.stringify(url)}), { silent: ${silent} })
        worker.postMessage('go')
        worker.once('message', () => worker.unref())`
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--import', 'tsx', '--input-type=module', '-e', program],
        { cwd: root },
      )
      assert.equal(stdout, printed)
    })
  }
})
