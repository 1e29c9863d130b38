import assert from 'node:assert/strict'
import { selectEngine } from '../../src/engine/registry.js'
import { writeTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { runFolderContents, runToEnd, shortRun, startAndKill } from './killedRun.js'

const KILLS = 20
const STEPS = 60

/** `npm run test:kill`: takes too long for every `npm test`. */
describe('a training process that is killed', () => {
  const inFolder = useTemporaryFolder()
  after(() => selectEngine('reference'))

  it(`at ${KILLS} random moments and resumed gives the same adapter and files each time`, async function () {
    writeTinyModel(inFolder('model'))
    await runToEnd(shortRun(inFolder('model'), inFolder('whole'), STEPS))
    const whole = runFolderContents(inFolder('whole'))
    for (let kill = 1; kill <= KILLS; kill++) {
      const folder = inFolder(`killed-${kill}`)
      const args = [...shortRun(inFolder('model'), folder, STEPS), '--resume']
      const afterStep = Math.floor(Math.random() * STEPS)
      const milliseconds = Math.random() * 20
      const step = await startAndKill(args, milliseconds, afterStep)
      await runToEnd(args)
      console.log(
        `      ${milliseconds.toFixed(0)} ms after step ${afterStep}: ${step === null ? 'had ended' : `killed after step ${step}`}`,
      )
      assert.deepEqual(runFolderContents(folder), whole)
    }
  })
})
