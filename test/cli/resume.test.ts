import assert from 'node:assert/strict'
import fs from 'node:fs'
import { selectEngine } from '../../src/engine/registry.js'
import { writeTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { runFolderContents, runToEnd, shortRun, startAndKill } from './killedRun.js'
import { run } from './run.js'

describe('cli/train --resume', () => {
  const inFolder = useTemporaryFolder()
  beforeEach(() => writeTinyModel(inFolder('model')))
  after(() => selectEngine('reference'))

  it('gives the same adapter and files as a run that was not killed', async () => {
    await runToEnd(shortRun(inFolder('model'), inFolder('whole')))
    const args = [...shortRun(inFolder('model'), inFolder('killed')), '--resume']
    // `npm run test:kill` kills at 20 moments.
    await startAndKill(args, 300 * Math.random())
    await runToEnd(args)
    assert.deepEqual(runFolderContents(inFolder('killed')), runFolderContents(inFolder('whole')))
  })

  it('says where it goes on, refuses another run, and repeats a finished one as nothing', async () => {
    const args = [...shortRun(inFolder('model'), inFolder('run')), '--max-steps', '4']
    await runToEnd(args)
    const refused = await run([...args, '--resume', '--learning-rate', '0.5'])
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /learningRate was 0\.01 and is now 0\.5/)
    const again = await run([...args, '--resume', '--save-steps', '3'])
    assert.equal(again.code, 0, again.stderr)
    assert.match(again.stdout, /^resume +after step 4 of 4: the run has ended, so there is nothing to train$/m)
    assert.doesNotMatch(again.stdout, /^step/m)
    assert.match(fs.readFileSync(inFolder('run', 'config.yaml'), 'utf8'), /^save_steps: 3$/m)
    const both = await run([...args, '--resume', '--overwrite'])
    assert.equal(both.code, 2)
  })
})
