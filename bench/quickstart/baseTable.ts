import { runOptions } from '../../src/cli/quickstart/settings.js'
import { formatTable } from '../../src/cli/terminal/table.js'
import { evaluate } from '../../src/eval/evaluate.js'
import { loadModel } from '../../src/policy/loadModel.js'
import type { DecodingResult } from '../../src/run/evaluation.js'
import { share } from './markdown.js'
import type { ProblemSet } from './problemSets.js'

/** What a model does on sets of problems before any training, as a table for the terminal. */
export async function baseTable(
  folder: string,
  { sets, samples, problems }: { sets: readonly ProblemSet[]; samples: number; problems: number },
): Promise<string> {
  const model = await loadModel(folder)
  const rows: { name: string; greedy: DecodingResult; sampled: DecodingResult; seconds: number }[] = []
  for (const { name, task } of sets) {
    const started = performance.now()
    const { maxCompletionLength, temperature } = runOptions
    const asked = task('test', problems)
    const { policies } = await evaluate({ base: model }, asked, { samples, maxCompletionLength, temperature })
    const { greedy, sampled } = policies[0]!
    rows.push({ name, greedy: greedy!, sampled: sampled!, seconds: (performance.now() - started) / 1000 })
  }
  model.dispose()
  return formatTable(
    [
      { heading: 'base', text: ({ name }) => name, left: true },
      { heading: 'greedy', text: ({ greedy }) => share(greedy.accuracy) },
      { heading: 'sampled', text: ({ sampled }) => share(sampled.accuracy) },
      { heading: `pass@${samples}`, text: ({ sampled }) => share(sampled.passAtK.at(-1)!.strict) },
      { heading: 'steps', text: ({ sampled }) => sampled.reasoning.meanSteps.value.toFixed(2) },
      { heading: 'with steps', text: ({ sampled }) => share(sampled.reasoning.withSteps) },
      { heading: 'tokens', text: ({ sampled }) => sampled.meanTokens.value.toFixed(1) },
      { heading: 'cut off', text: ({ sampled }) => share(sampled.truncated) },
      { heading: 'seconds', text: ({ seconds }) => seconds.toFixed(1) },
    ],
    rows,
  )
}
