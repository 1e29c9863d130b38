import path from 'node:path'

/** What a run leaves in its folder, in the order in which it is listed. */
const names = {
  /** All options; with them the run can be repeated. */
  config: 'config.yaml',
  /** A line a step. */
  metrics: 'metrics.jsonl',
  /** A line a completion. */
  completions: 'completions.jsonl',
  /** A line whenever a finding starts or ends. */
  diagnosis: 'diagnosis.jsonl',
  preflight: 'preflight.json',
  /** Folder of event files. */
  tensorBoard: 'tensorboard',
  /** Folder of `step-N/`. */
  checkpoints: 'checkpoints',
  /** Folder of the adapter in PEFT's layout. */
  adapter: 'adapter',
  /** Folder of the model that a pretraining makes. */
  model: 'model',
  evaluation: 'eval.json',
  /** Folder of the run with random rewards that `eval --placebo` makes. */
  placebo: 'placebo',
  /** What the quickstart found. */
  summary: 'summary.json',
  report: 'report.html',
  /** Kept while a process trains in the folder, and what others ask of it. */
  status: 'status.json',
  control: 'control.json',
  /** Says which process trains in the folder. */
  lock: 'lock.json',
} as const

/** Paths of everything in the folder of a run. */
export type RunLayout = Readonly<Record<keyof typeof names, string>> & {
  /** Folder of the checkpoint of a step. */
  checkpoint(step: number): string
}

/** Where everything lies in the folder of a run: `runLayout('runs/one').metrics` is `runs/one/metrics.jsonl`. */
export function runLayout(folder: string): RunLayout {
  const entries = Object.entries(names).map(([what, name]) => [what, path.join(folder, name)])
  return {
    ...(Object.fromEntries(entries) as Record<keyof typeof names, string>),
    checkpoint: (step) => path.join(folder, names.checkpoints, `step-${step}`),
  }
}

/** The files that grow by a line or more with every step. */
export const growingFileNames = [names.metrics, names.completions, names.diagnosis] as const

/** What belongs to one run alone and goes when another one takes its place: no name that a user may give to a folder too. */
export const runEntryNames: readonly string[] = Object.values(names).filter(
  (name) => name !== names.lock && name !== names.model && name !== names.summary,
)
