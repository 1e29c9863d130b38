import { parentPort, workerData } from 'node:worker_threads'
import { thrownMessage } from '../io/thrown.js'
import { importModule } from '../io/userModule.js'
import type { RewardSample } from './reward.js'
import type { RewardCallback } from './rewardCallback.js'
import type { WorkerRewardAnswer, WorkerRewardData } from './workerReward.js'

/** The thread of {@link workerReward}: scores the completions that it is sent, one after the other. */
const { module, exportName } = workerData as WorkerRewardData
const port = parentPort!

function post(answer: WorkerRewardAnswer): void {
  try {
    port.postMessage(answer)
  } catch (error) {
    // What cannot be sent, such as a function, is an answer of the wrong type.
    port.postMessage({ error: (error as Error).message } satisfies WorkerRewardAnswer)
  }
}

async function answer(score: RewardCallback, sample: RewardSample): Promise<WorkerRewardAnswer> {
  try {
    return { value: await score(sample) }
  } catch (error) {
    return { error: thrownMessage(error) }
  }
}

async function load(): Promise<RewardCallback> {
  const exports = await importModule(module)
  const score = exports[exportName]
  if (typeof score === 'function') return score as RewardCallback
  const names = Object.keys(exports).join(', ')
  throw new Error(`${module} exports no function ${exportName}; it exports ${names || 'nothing'}`)
}

try {
  const score = await load()
  port.on('message', (sample: RewardSample) => {
    void answer(score, sample).then(post)
  })
  post({ isReady: true })
} catch (error) {
  post({ error: thrownMessage(error) })
}
