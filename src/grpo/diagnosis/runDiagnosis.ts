import type { DiagnosisConfig, Finding, FindingName, Rule, Statement } from './finding.js'
import { MetricHistory } from './metricHistory.js'
import { collapse } from './rules/collapse.js'
import { constantReward } from './rules/constantReward.js'
import { idleLearningRate } from './rules/idleLearningRate.js'
import { lengthCreep } from './rules/lengthCreep.js'
import { noRewardVariance } from './rules/noRewardVariance.js'
import { noReasoning } from './rules/noReasoning.js'
import { notFinite } from './rules/notFinite.js'
import { rewardCollapse } from './rules/rewardCollapse.js'
import { rewardHacking } from './rules/rewardHacking.js'
import { samplingMismatch } from './rules/samplingMismatch.js'
import { spikes } from './rules/spikes.js'
import { truncation } from './rules/truncation.js'
import { unsoundReasoning } from './rules/unsoundReasoning.js'

const rules: readonly Rule[] = [
  notFinite,
  rewardCollapse,
  noReasoning,
  noRewardVariance,
  truncation,
  constantReward,
  collapse,
  rewardHacking,
  unsoundReasoning,
  lengthCreep,
  spikes,
  samplingMismatch,
  idleLearningRate,
]

/** Steps in which a rule has to be silent before its finding has ended: on the edge of a threshold it would flicker. */
const SILENT_STEPS = 5

/** What a policy that has collapsed shows besides: to advise easier problems or another EOS token then would lead astray. */
const afterCollapse: ReadonlySet<FindingName> = new Set([
  'all_wrong',
  'truncation',
  'eos_never',
  'reward_never_fires',
  'length_creep',
  'no_reasoning',
])

/** Everything that the rules have to say about the metrics so far, without what follows from something else that they say. */
export function diagnose(history: MetricHistory, config: DiagnosisConfig): Statement[] {
  const statements = rules.flatMap((rule) => rule(history, config))
  const hasCollapsed = statements.some(({ name }) => name === 'reward_collapse')
  return hasCollapsed ? statements.filter(({ name }) => !afterCollapse.has(name)) : statements
}

/** Watches a run step by step: what is the matter, since when, and when it is over. */
export class RunDiagnosis {
  readonly #history = new MetricHistory()
  readonly #open = new Map<string, { statement: Statement; since: number; saidAt: number }>()

  constructor(private readonly config: DiagnosisConfig) {}

  /**
   * Takes the metrics of the next step (null stands for NaN, as in metrics.jsonl) and returns what has started, goes on, or has
   * ended with it. After a resume the steps before are to be added again, in their order.
   */
  add(step: number, metrics: Readonly<Record<string, number | null | undefined>>): Finding[] {
    this.#history.add(metrics)
    for (const statement of diagnose(this.#history, this.config)) {
      const key = `${statement.name} ${statement.subject ?? ''}`
      this.#open.set(key, { statement, since: this.#open.get(key)?.since ?? step, saidAt: step })
    }
    return [...this.#open].map(([key, { statement, since, saidAt }]): Finding => {
      const ended = step - saidAt >= SILENT_STEPS
      if (ended) this.#open.delete(key)
      return { ...statement, since, state: ended ? 'ended' : since === step ? 'started' : 'ongoing' }
    })
  }
}

/** A finding as a line for a terminal. */
export function describeFinding({ name, subject, severity, state, since, message, advice }: Finding): string {
  const title = `${name.replaceAll('_', ' ')}${subject === null ? '' : ` (${subject})`}`
  if (state === 'ended') return `over: ${title}, since step ${since}`
  return `${severity}: ${title}: ${message}. Try: ${advice}`
}
