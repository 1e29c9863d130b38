import { selectEngine } from '../../../src/engine/registry.js'
import { damageTrial, killedRuns } from './damageTrials.js'
import type { KilledRun } from './damageTrials.js'

const TRIALS = 200
/** `DAMAGE_SEED=1000 npm run test:damage` tries others. */
const FIRST_SEED = Number(process.env.DAMAGE_SEED ?? 0)

/** `npm run test:damage`: takes too long for every `npm test`. */
describe(`${TRIALS} damaged checkpoints`, () => {
  let runs: KilledRun[]
  before(async () => {
    await selectEngine('cpu')
    runs = await killedRuns()
  })
  after(() => selectEngine('reference'))

  for (let seed = FIRST_SEED; seed < FIRST_SEED + TRIALS; seed++) {
    it(`seed ${seed} is named, and resumed from an older one where one is whole`, async () => {
      console.log(`      ${await damageTrial(runs[seed % runs.length]!, seed)}`)
    })
  }
})
