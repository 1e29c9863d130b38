import fs from 'node:fs'
import path from 'node:path'
import { stringify } from 'yaml'
import { evaluate } from '../../src/eval/evaluate.js'
import { writeEvaluation } from '../../src/run/evaluationFile.js'
import type { Evaluation } from '../../src/run/evaluation.js'
import { loadModel } from '../../src/policy/loadModel.js'
import type { WeightDtype } from '../../src/model/weights/weightDtype.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import { letterTask } from '../eval/policies.js'
import { randomPolicy } from '../fixtures/policies.js'

export interface FinishedRunOptions {
  /** Folder or Hub id of the base model. */
  model: string
  /** Id of the data set, as config.yaml names it. */
  data?: string | null
  /** Defaults to true. */
  evaluated?: boolean
  /** Whether the evaluation has a placebo. Defaults to false. */
  placebo?: boolean
  /** As the run has it. Defaults to auto. */
  dtype?: WeightDtype
}

const evaluations = new Map<boolean, Evaluation>()

/**
 * Writes the folder of a run that has been trained and evaluated: with an adapter that changes something, and the numbers of
 * an evaluation, which is made once and is the same for all.
 */
export async function writeFinishedRun(folder: string, options: FinishedRunOptions): Promise<string> {
  const { model, data = null, evaluated = true, placebo = false, dtype = 'auto' } = options
  fs.mkdirSync(folder, { recursive: true })
  const base = await loadModel(model, { dtype })
  const policy = randomPolicy(base, { r: 4 })
  const other = randomPolicy(base, { r: 4 }, 9)
  try {
    await policy.saveAdapter(path.join(folder, 'adapter'))
    if (evaluated) {
      const policies = { base, trained: policy, ...(placebo && { placebo: other }) }
      const known = evaluations.get(placebo) ?? (await evaluateLetters(policies))
      evaluations.set(placebo, known)
      const named = known.policies.map((one) => ({
        ...one,
        model: base.folder,
        weightFormat: base.weightFormat,
        adapter: one.name === 'base' ? null : path.join(folder, 'adapter'),
      }))
      writeEvaluation(path.join(folder, 'eval.json'), { ...known, policies: named })
    }
  } finally {
    policy.dispose()
    other.dispose()
    base.dispose()
  }
  const recipe = { loss_type: 'dapo', beta: 0, num_generations: 8, learning_rate: 1e-5, lora_r: 4, seed: 42 }
  const run = { model, dtype, task: 'letters', data, split: 'train', rewards: ['correctness', 'format:0.2'] }
  fs.writeFileSync(path.join(folder, 'config.yaml'), stringify({ ...run, ...recipe, output_dir: folder }))
  const metrics = Array.from({ length: 20 }, (_, i) => JSON.stringify({ step: i + 1, reward: i / 100, loss: 0 }))
  fs.writeFileSync(path.join(folder, 'metrics.jsonl'), `${metrics.join('\n')}\n`)
  return folder
}

function evaluateLetters(policies: Record<string, CausalLM>): Promise<Evaluation> {
  const task = letterTask(12)
  const problems = task.problems.map((problem) => ({ ...problem, id: problem.id.replace('/', '/test/') }))
  return evaluate(policies, { ...task, problems }, { maxCompletionLength: 12, samples: 3, resamples: 200 })
}
