import assert from 'node:assert/strict'
import { selectEngine } from '../../src/engine/registry.js'
import { writeTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { endCodes, runFolderContents, runToEnd, shortRun, startAndKill } from './killedRun.js'

const KILLS = 20
const STEPS = 60

/** `npm run test:kill -- --signal SIGTERM` takes another one; SIGKILL leaves no chance to save anything. */
function signalToSend(): keyof typeof endCodes {
  const { KILL_SIGNAL: name = 'SIGKILL' } = process.env
  if (name in endCodes) return name as keyof typeof endCodes
  throw new Error(`--signal ${name}: expected one of ${Object.keys(endCodes).join(', ')}`)
}

/** `npm run test:kill`: takes too long for every `npm test`. */
describe('a training process', () => {
  const inFolder = useTemporaryFolder()
  const signal = signalToSend()
  after(() => selectEngine('reference'))

  it(`that gets ${signal} at ${KILLS} random moments and is resumed gives the same adapter and files each time`, async function () {
    this.timeout(0)
    writeTinyModel(inFolder('model'))
    await runToEnd(shortRun(inFolder('model'), inFolder('whole'), STEPS))
    const whole = runFolderContents(inFolder('whole'))
    for (let kill = 1; kill <= KILLS; kill++) {
      const folder = inFolder(`killed-${kill}`)
      const args = [...shortRun(inFolder('model'), folder, STEPS), '--resume']
      const afterStep = Math.floor(Math.random() * STEPS)
      const milliseconds = Math.random() * 20
      const step = await startAndKill(args, milliseconds, afterStep, signal)
      await runToEnd(args)
      console.log(
        `      ${milliseconds.toFixed(0)} ms after step ${afterStep}: ${step === null ? 'had ended' : `ended after step ${step}`}`,
      )
      assert.deepEqual(runFolderContents(folder), whole)
    }
  })
})
