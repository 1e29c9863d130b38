import type { ExportPlan, ExportTarget } from '../../src/export/exportPlan.js'
import { parseTrainConfig } from '../../src/grpo/config/trainConfig.js'
import { resolveModel } from '../../src/hub/resolve.js'
import { loadTask } from '../../src/tasks/loadTask.js'
import { Tokenizer } from '../../src/text/tokenizer.js'

/** A plan of a small run of the embedded model with some options. */
export async function planOf(options: Readonly<Record<string, unknown>> = {}, processes = 1): Promise<ExportPlan> {
  const config = parseTrainConfig({ model: 'word-problems-2m', task: 'word-problems', limit: 3, ...options })
  const task = await loadTask(config.run.task, config.task)
  const tokenizer = Tokenizer.load((await resolveModel(config.run.model)).folder)
  return {
    config,
    task,
    tokenizer,
    prompts: task.problems.map((problem) => task.prompt(problem, tokenizer)),
    rewards: [{ name: 'correctness', weight: 1 }],
    model: { name: './model', revision: null },
    processes,
    configHash: 'f'.repeat(64),
  }
}

/** What a target says of an option: its outcome, what it is there and why. */
export async function optionOf(
  target: ExportTarget,
  option: string,
  options: Readonly<Record<string, unknown>> = {},
  processes = 1,
): Promise<{ outcome: string; there: string; reason: string }> {
  const { options: mapped } = target.files(await planOf(options, processes))
  const { outcome, there, reason } = mapped.find((one) => one.option === option)!
  return { outcome, there, reason }
}
