import assert from 'node:assert/strict'
import fs from 'node:fs'
import { selectEngine } from '../../src/engine/registry.js'
import { RunFiles } from '../../src/grpo/runFiles.js'
import type { TrainingMetrics } from '../../src/grpo/metrics/trainingMetrics.js'
import { readCompletions } from '../../src/run/completionsFile.js'
import type { CompletionLine } from '../../src/run/completionsFile.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { withPolicy } from './tinyTask.js'

describe('grpo/runFiles', () => {
  const inFolder = useTemporaryFolder()

  it('writes which tokens were given, where some were', async () => {
    const completion = {
      ids: [1, 2],
      text: 'ab',
      logProbs: [-0.123456, 0],
      entropies: [1, 0],
      finishReason: 'stop' as const,
    }
    const judged = { ...completion, rewards: { exact: 1 }, correct: true, reward: 1, advantage: 0 }
    const problem = { id: 'p', question: 'q', answer: 'b', answerForm: 'bare' as const }
    const completions = [{ ...judged, mask: [1, 0] }, { ...judged, mask: [1, 1] }, judged]
    const step = {
      step: 1,
      maxSteps: 1,
      metrics: { loss: NaN } as TrainingMetrics,
      groups: [{ problem, promptText: 'p', promptIds: [0], completions }],
      diagnosis: [],
    }
    const onWarning = (message: string): void => {
      throw new Error(message)
    }
    for (const [folder, logCompletionTokens] of [
      [inFolder('with'), true],
      [inFolder('without'), false],
    ] as const) {
      const files = new RunFiles(folder, { reportTo: [], logCompletionTokens, tokenizer: null, onWarning })
      assert.deepEqual(files.write(step), [])
      assert.deepEqual(files.readMetrics(), [{ step: 1, loss: null }])
      files.close()
      const lines: CompletionLine[] = []
      for await (const line of readCompletions(folder)) lines.push(line)
      const masks = [logCompletionTokens ? [1, 0] : undefined, undefined, undefined]
      assert.deepEqual(
        lines.map(({ mask }) => mask),
        masks,
      )
      assert.deepEqual(lines[0]!.logprobs, logCompletionTokens ? [-0.1235, 0] : undefined)
    }
  })
  before(() => selectEngine('cpu'))

  it('writes event files for TensorBoard when asked to, a new one for each part of a run', async () => {
    await withPolicy(async ({ trainerOf }) => {
      const trainer = trainerOf({ outputDir: inFolder('run') }, { maxSteps: 3, reportTo: ['tensorboard'] })
      for await (const { step } of trainer) if (step === 2) break
      await trainer.train()
      const files = fs.readdirSync(inFolder('run', 'tensorboard')).sort()
      assert.equal(files.length, 2)
      const [first, second] = files.map((file) => fs.readFileSync(inFolder('run', 'tensorboard', file), 'latin1'))
      for (const tag of ['train/reward', 'train/grad_norm/q_proj', 'train/completions/mean_length']) {
        assert.equal(first!.split(`${tag}\x15`).length - 1, 2, tag)
        assert.equal(second!.split(`${tag}\x15`).length - 1, 1, tag)
      }
      await trainerOf({ outputDir: inFolder('other') }, { maxSteps: 1 }).train()
      assert.ok(!fs.existsSync(inFolder('other', 'tensorboard')))
    })
  })
})
