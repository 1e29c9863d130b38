import path from 'node:path'
import { runFileNames } from './fileNames.js'

/** Paths of everything in the folder of a run. */
export type RunLayout = Readonly<Record<keyof typeof runFileNames, string>> & {
  /** Folder of the checkpoint of a step. */
  checkpoint(step: number): string
  /** Another evaluation of the run than the one that its report shows, of fewer problems or of others: eval-WHICH.json. */
  otherEvaluation(which: string | number): string
}

/** Where everything lies in the folder of a run: `runLayout('runs/one').metrics` is `runs/one/metrics.jsonl`. */
export function runLayout(folder: string): RunLayout {
  const entries = Object.entries(runFileNames).map(([what, name]) => [what, path.join(folder, name)])
  return {
    ...(Object.fromEntries(entries) as Record<keyof typeof runFileNames, string>),
    checkpoint: (step) => path.join(folder, runFileNames.checkpoints, `step-${step}`),
    otherEvaluation: (which) => path.join(folder, runFileNames.evaluation.replace('.', `-${which}.`)),
  }
}
