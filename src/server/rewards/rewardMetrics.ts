import type { RequestLine } from '../http/service.js'
import type { Outcome } from './scoringJob.js'

/** Upper limits of the histogram of latencies, in seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180] as const

/** What is measured when it is asked for. */
export interface Gauges {
  readonly completions: number
  readonly workers: number
  readonly lost: number
}

/** Counts what a service does, and writes it in Prometheus' text format (version 0.0.4). */
export class RewardMetrics {
  readonly #requests = new Map<string, number>()
  readonly #latencies = new Map<string, { counts: number[]; sum: number }>()
  readonly #failures: { errors: number; timeouts: number }[]
  #completions = 0
  #unjudged = 0

  constructor(private readonly rewards: readonly string[]) {
    this.#failures = rewards.map(() => ({ errors: 0, timeouts: 0 }))
  }

  countRequest({ path, status, milliseconds }: RequestLine): void {
    const labels = `path="${escape(path)}",status="${status}"`
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1)
    const latency = this.#latencies.get(path) ?? { counts: new Array<number>(BUCKETS.length + 1).fill(0), sum: 0 }
    const seconds = milliseconds / 1000
    const bucket = BUCKETS.findIndex((limit) => seconds <= limit)
    latency.counts[bucket < 0 ? BUCKETS.length : bucket]!++
    latency.sum += seconds
    this.#latencies.set(path, latency)
  }

  countOutcomes(outcomes: readonly (readonly Outcome[])[]): void {
    this.#completions += outcomes.length
    for (const row of outcomes) {
      if (row.every(({ value }) => value === null)) this.#unjudged++
      for (const [k, outcome] of row.entries()) {
        if (outcome.error !== undefined) this.#failures[k]![outcome.isTimeout ? 'timeouts' : 'errors']++
      }
    }
  }

  /** The page that Prometheus reads. */
  page({ completions, workers, lost }: Gauges): string {
    const failures = (what: 'errors' | 'timeouts'): [string, number][] =>
      this.rewards.map((name, k) => [`reward="${escape(name)}"`, this.#failures[k]![what]])
    return [
      family('requests_total', 'counter', 'Requests that were answered.', [...this.#requests]),
      family('completions_scored_total', 'counter', 'Completions that were scored.', [['', this.#completions]]),
      family('completions_unjudged_total', 'counter', 'Completions that no reward function gave a value.', [
        ['', this.#unjudged],
      ]),
      family('reward_errors_total', 'counter', 'Completions that a reward function failed on.', failures('errors')),
      family(
        'reward_timeouts_total',
        'counter',
        'Completions that a reward function took too long for.',
        failures('timeouts'),
      ),
      this.#histogram(),
      family('queued_completions', 'gauge', 'Completions that wait or are scored.', [['', completions]]),
      family('workers', 'gauge', 'Threads that score.', [['', workers]]),
      family('workers_lost_total', 'counter', 'Threads that a reward function ended or held, and that were replaced.', [
        ['', lost],
      ]),
      // The names that Prometheus' client libraries give these.
      plainFamily('process_resident_memory_bytes', 'gauge', 'Resident memory size in bytes.', [
        ['', process.memoryUsage.rss()],
      ]),
      plainFamily('process_cpu_seconds_total', 'counter', 'Total user and system CPU time spent in seconds.', [
        ['', cpuSeconds()],
      ]),
    ].join('')
  }

  #histogram(): string {
    const name = `${PREFIX}request_duration_seconds`
    const lines = [...this.#latencies].flatMap(([path, { counts, sum }]) => {
      let count = 0
      const label = `path="${escape(path)}"`
      const buckets = counts.map((more, i) => {
        count += more
        return `${name}_bucket{${label},le="${BUCKETS[i] ?? '+Inf'}"} ${count}\n`
      })
      return [...buckets, `${name}_sum{${label}} ${sum}\n`, `${name}_count{${label}} ${count}\n`]
    })
    return `# HELP ${name} Time from the first byte of a request to the last of its answer.\n# TYPE ${name} histogram\n${lines.join('')}`
  }
}

const PREFIX = 'grpo_ts_rewards_'

function family(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  samples: readonly (readonly [string, number])[],
): string {
  return plainFamily(`${PREFIX}${name}`, type, help, samples)
}

function plainFamily(
  name: string,
  type: string,
  help: string,
  samples: readonly (readonly [string, number])[],
): string {
  const lines = samples.map(([labels, value]) => `${name}${labels === '' ? '' : `{${labels}}`} ${value}\n`)
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

/** A value of a label. */
function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
