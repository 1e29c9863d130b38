/** Names of what a run leaves in its folder, in the order in which it is listed. */
export const runFileNames = {
  /** All options; with them the run can be repeated. */
  config: 'config.yaml',
  /** A line a step. */
  metrics: 'metrics.jsonl',
  /** A line a completion. */
  completions: 'completions.jsonl',
  /** A line whenever a finding starts or ends. */
  diagnosis: 'diagnosis.jsonl',
  /** Which engine has trained, where it was another one. */
  import: 'import.json',
  preflight: 'preflight.json',
  /** Folder of event files. */
  tensorBoard: 'tensorboard',
  /** Folder of `step-N/`. */
  checkpoints: 'checkpoints',
  /** Folder of the adapter in PEFT's layout. */
  adapter: 'adapter',
  /** Folder of the model that a pretraining makes, or a run that trains all weights. */
  model: 'model',
  evaluation: 'eval.json',
  /** A line a verdict of a person on two completions. */
  reviews: 'reviews.jsonl',
  /** Folder of the run with random rewards that `eval --placebo` makes. */
  placebo: 'placebo',
  /** What the quickstart found. */
  summary: 'summary.json',
  report: 'report.html',
  /** Kept while a process trains in the folder, and what others ask of it. */
  status: 'status.json',
  control: 'control.json',
  /** Folder of the adapter that servers sample with, while the run goes on. */
  rolloutAdapters: 'rollout-adapters',
  /** Says which process trains in the folder. */
  lock: 'lock.json',
} as const
