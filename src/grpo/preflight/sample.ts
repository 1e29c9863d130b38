import { roomForCompletion } from '../../engine/sampling.js'
import { ConfigError } from '../../errors.js'
import type { Problem } from '../../grading/problem.js'
import type { Policy } from '../../policy/causalLM.js'
import type { Task } from '../../tasks/task.js'
import { collectRollouts } from '../rollouts/rollouts.js'
import type { RolloutGroup } from '../rollouts/rollouts.js'
import type { RunPlan } from '../runPlan.js'
import type { TrainingRow } from '../update/trainingRow.js'
import { rowOf, rowsOf } from './forecast.js'
import { evenly } from './modelChecks.js'
import type { PreflightOptions } from './preflight.js'

/** Problems that are tried, and completions of each. */
const PROBLEMS = 20
const GENERATIONS = 4

/** What a preflight sampled. */
interface Sampled {
  readonly groups: readonly RolloutGroup[]
  readonly tokensPerSecond: number
  /** Rows to train on: those of the groups, or where there are none one as long as completions may be. */
  readonly rows: readonly TrainingRow[]
}

/**
 * Samples groups of some problems, as many as the seconds allow.
 * @throws ConfigError when no prompt leaves room for a completion
 */
export async function sampleFor(seconds: number, plan: RunPlan, options: PreflightOptions): Promise<Sampled> {
  const { policy, config, rewards, sampler } = plan
  const { task, signal, onProgress } = options
  const problems = problemsWithRoom(policy, task, config.maxCompletionLength)
  // Where programs are compiled for each size, it is the run's own sizes that are worth it, and compiling is no part of the speed.
  const isCompiled = policy.engine.info.isCompiled && sampler.identity === null
  const numGenerations = isCompiled ? config.numGenerations : GENERATIONS
  const together = isCompiled ? config.generationBatchSize / numGenerations : null
  let isCold = isCompiled
  let begun = performance.now()
  const elapsed = (): number => (performance.now() - begun) / 1000
  const timeIsUp = new AbortController()
  const settings = { ...config, numGenerations, beta: 0 }
  const groups: RolloutGroup[] = []
  let tokens = 0
  let tokensPerSecond = 0
  // One problem, or batch, shows the speed; then as many problems as there is time for, which together take less than one by one.
  for (let at = 0, size = together ?? 1; at < problems.length; at += size) {
    if (at > 0) {
      const possible = Math.min(problems.length - at, Math.floor((seconds - elapsed()) / (elapsed() / at)))
      size = together ?? possible
      if (size < 1 || size > possible) break
    }
    let before = elapsed()
    let sampled = 0
    let sampledBefore = 0
    try {
      const rollouts = await collectRollouts(policy, task, problems.slice(at, at + size), rewards, settings, {
        seed: config.seed + at,
        sampler,
        signal: AbortSignal.any([timeIsUp.signal, ...(signal ? [signal] : [])]),
        onProgress: (done) => {
          sampled = done
          // When the first tokens are there, the programs are compiled; the larger batches run at the speed of a run's own.
          if (isCold) [begun, before, sampledBefore, isCold] = [performance.now(), 0, done, false]
          else tokensPerSecond = (done - sampledBefore) / (elapsed() - before)
          const completions = groups.length * numGenerations
          onProgress?.({ completions, of: problems.length * numGenerations, tokens: tokens + done })
          if (elapsed() > seconds) timeIsUp.abort()
        },
      })
      groups.push(...rollouts.groups)
      if (sampled > sampledBefore) continue
      // A rollout engine need not tell how it goes on, and one call may sample all there is.
      sampled = rollouts.rows.reduce((sum, { completionIds }) => sum + completionIds.length, 0)
      tokensPerSecond = sampled / (elapsed() - before)
    } catch (error) {
      if (!timeIsUp.signal.aborted || signal?.aborted) throw error
      break
    } finally {
      tokens += sampled
    }
  }
  if (groups.length > 0) return { groups, tokensPerSecond, rows: groups.flatMap(rowsOf) }
  const { ids } = task.prompt(problems[0]!, policy.tokenizer)
  const completionIds = Array.from({ length: config.maxCompletionLength }, (_, i) => ids[i % ids.length]!)
  return { groups, tokensPerSecond, rows: [rowOf(ids, completionIds)] }
}

/** Problems from the whole of a task whose prompts leave room for the longest completion. */
function problemsWithRoom({ config, tokenizer }: Policy, task: Task, maxCompletionLength: number): Problem[] {
  const { maxPositions } = config
  const asked = evenly(task.problems, PROBLEMS)
  const rooms = asked.map((problem) => roomForCompletion(task.prompt(problem, tokenizer).ids.length, maxPositions))
  const problems = asked.filter((_, i) => rooms[i]! >= maxCompletionLength)
  if (problems.length > 0) return problems
  const least = Math.min(...rooms)
  throw new ConfigError(
    `no prompt of task ${task.name} leaves room for maxCompletionLength ${maxCompletionLength} in the ` +
      `${maxPositions} positions of the model; ` +
      (least < 1 ? 'take a task with shorter prompts, or fewer shots' : `set it to ${least} or less`),
  )
}
