import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import { selectEngine } from '../../src/engine/registry.js'
import { writeTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { runToEnd, shortRun } from './killedRun.js'
import { run, start } from './run.js'

describe('a folder that another process trains in', () => {
  const inFolder = useTemporaryFolder()
  after(() => selectEngine('reference'))

  it('is refused by every verb that would train there, read by the others, and free after a kill', async () => {
    writeTinyModel(inFolder('model'))
    const args = [...shortRun(inFolder('model'), inFolder('run'), 100_000), '--no-preflight']
    const holder = start(args)
    const exit = once(holder, 'exit')
    try {
      await new Promise<void>((resolve) => {
        let output = ''
        holder.stdout.on('data', (chunk: Buffer) => {
          output += chunk.toString()
          if (/^step 5\//m.test(output)) resolve()
        })
      })
      const lock = fs.readFileSync(inFolder('run', 'lock.json'), 'utf8')
      const refused: string[][] = [
        [...args, '--resume'],
        [...args, '--overwrite'],
        ['pretrain', '--output-dir', inFolder('run'), '--overwrite'],
        ['quickstart', '--output-dir', inFolder('run')],
      ]
      for (const verb of refused) {
        const { code, stderr } = await run(verb)
        assert.equal(code, 1, `${verb[0]}: ${stderr}`)
        assert.match(
          stderr,
          new RegExp(`run is in use: grpo-ts train \\(process ${holder.pid} on .*take another output folder`),
        )
      }
      const { code, stderr } = await run(['report', inFolder('run')])
      assert.equal(code, 0, stderr)
      assert.equal(fs.readFileSync(inFolder('run', 'lock.json'), 'utf8'), lock)
    } finally {
      holder.kill('SIGKILL')
      await exit
    }
    await runToEnd([...args, '--overwrite', '--max-steps', '2'])
    assert.ok(!fs.existsSync(inFolder('run', 'lock.json')))
    // A quickstart replaces another quickstart only.
    const { code, stderr } = await run(['quickstart', '--output-dir', inFolder('run')])
    assert.equal(code, 2)
    assert.match(stderr, /already holds a run/)
  })
})
