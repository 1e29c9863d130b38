import type { Split } from '../grading/problem.js'

/** A data set of the Hub with a task's problems. */
export interface HubDataset {
  readonly id: string
  /** Its problems lie in several configurations, all of which belong to the task: subjects of MATH. */
  readonly allConfigs?: true
}

const MATH: Readonly<Record<Split, HubDataset>> = {
  train: { id: 'EleutherAI/hendrycks_math', allConfigs: true },
  test: { id: 'HuggingFaceH4/MATH-500' },
}
const GSM8K: HubDataset = { id: 'openai/gsm8k' }
const HUMAN_EVAL: HubDataset = { id: 'openai/openai_humaneval' }

/** Where the problems of a task lie on the Hub, for who names no data; null for a task without such a place. */
export function hubDataset(task: string, split: Split): HubDataset | null {
  switch (task) {
    case 'gsm8k':
      return GSM8K
    case 'math':
      return MATH[split]
    case 'humaneval':
      return HUMAN_EVAL
    default:
      return null
  }
}
