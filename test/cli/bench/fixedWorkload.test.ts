import assert from 'node:assert/strict'
import { selectEngine } from '../../../src/engine/registry.js'
import { ignoreEndOfSequence, measureSteps, randomPrompts } from '../../../src/cli/bench/fixedWorkload.js'
import type { StepMeasurement } from '../../../src/cli/bench/fixedWorkload.js'
import type { StepProgress } from '../../../src/grpo/step.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'

describe('cli/fixedWorkload', () => {
  it('makes prompts of one length from tokens of the vocabulary, the same each time', () => {
    const size = { problems: 5, promptLength: 7, vocabularySize: 11 }
    const ids = (): number[][] => {
      const task = randomPrompts(size)
      return task.problems.map((problem) => task.prompt(problem, null).ids)
    }
    const prompts = ids()
    assert.equal(prompts.length, 5)
    for (const prompt of prompts) assert.equal(prompt.length, 7)
    assert.ok(prompts.flat().every((id) => Number.isInteger(id) && id >= 0 && id < 11))
    assert.equal(new Set(prompts.map(String)).size, 5)
    assert.deepEqual(ids(), prompts)
  })

  it('measures steps whose completions all have the full length and an advantage', async () => {
    await selectEngine('cpu')
    const base = await loadModel(temporaryTinyModel())
    const policy = base.withLora({ r: 2 })
    assert.notDeepEqual(policy.eosTokenIds, [])
    ignoreEndOfSequence(policy)
    const { vocabularySize } = policy.config
    const task = randomPrompts({ problems: 2, promptLength: 5, vocabularySize })
    const config = { numGenerations: 4, perDeviceTrainBatchSize: 8, maxCompletionLength: 6, maxSteps: 2 }
    const phases = new Set<string>()
    const steps: StepMeasurement[] = []
    const onProgress = ({ phase }: StepProgress): void => void phases.add(phase)
    for await (const step of measureSteps(policy, task, config, { onProgress })) steps.push(step)
    assert.equal(steps.length, 2)
    for (const step of steps) {
      assert.equal(step.completionTokens, 2 * 4 * 6)
      assert.equal(step.trainedTokens, 2 * 4 * (5 + 6))
      assert.ok(step.generationSeconds > 0 && step.trainingSeconds > 0)
      assert.ok(Math.abs(step.seconds - step.generationSeconds - step.trainingSeconds) < 1e-9)
    }
    assert.deepEqual([...phases].sort(), ['sampling', 'training'])
    policy.dispose()
    base.dispose()
  })
})
