import { setImmediate } from 'node:timers/promises'
import { decodeTokens } from '../../engine/sequence.js'
import { quote } from '../../io/json.js'
import type { ModelTokenizer } from '../../policy/modelTokenizer.js'
import type { Task } from '../../tasks/task.js'
import { HttpError } from '../http/httpError.js'
import type { RewardsRequest } from './protocol.js'
import { checkLengths, fieldsOf, finishReasonField, listField, textField, tokensField } from './requestFields.js'
import type { ScoringSample } from './scoringJob.js'

/** What completions are about. */
export interface RewardedTask extends ModelTokenizer {
  readonly task: Task
  /** The prompt of a problem of the task, as text; null for an unknown id. */
  promptOf(problemId: string): string | null
}

/** Milliseconds of decoding without a pause in which others have their turn. */
const TURN = 10

/** A task whose prompts are made when they are first asked for. */
export function rewardedTask(task: Task, model: ModelTokenizer): RewardedTask {
  const problems = new Map(task.problems.map((problem) => [problem.id, problem]))
  const prompts = new Map<string, string>()
  return {
    ...model,
    task,
    promptOf(id) {
      const problem = problems.get(id)
      if (!problem) return null
      const prompt = prompts.get(id) ?? task.prompt(problem, model.tokenizer).text
      prompts.set(id, prompt)
      return prompt
    },
  }
}

/** The body of `POST /v1/rewards`. Throws an HttpError 400 that names the field and the place that are wrong. */
export function parseRewardsRequest(body: unknown): RewardsRequest {
  const fields = fieldsOf(body, ['problem_ids', 'completions', 'completion_ids', 'finish_reasons', 'prompts'])
  const problem_ids = listField(fields, 'problem_ids', textField)
  const completions = listField(fields, 'completions', textField)
  const completion_ids = tokensField(fields, 'completion_ids')
  const finish_reasons = listField(fields, 'finish_reasons', finishReasonField)
  const prompts = listField(fields, 'prompts', textField)
  if (!problem_ids) throw new HttpError(400, 'problem_ids is missing; expected the ids of the problems, a list')
  if (!completions && !completion_ids) {
    throw new HttpError(
      400,
      'completions and completion_ids are missing; expected the completions as texts, tokens or both',
    )
  }
  checkLengths({ problem_ids, completions, completion_ids, finish_reasons, prompts })
  return {
    problem_ids,
    ...(completions && { completions }),
    ...(completion_ids && { completion_ids }),
    ...(finish_reasons && { finish_reasons }),
    ...(prompts && { prompts }),
  }
}

/** The completions of a request as they are scored. Throws an HttpError 400 for an unknown problem, or tokens without a tokenizer. */
export async function samplesOf(request: RewardsRequest, rewarded: RewardedTask): Promise<ScoringSample[]> {
  const { problem_ids, completions, completion_ids, finish_reasons, prompts } = request
  const { task, eosTokenIds } = rewarded
  const taskPrompts = problem_ids.map((id, i) => {
    const prompt = rewarded.promptOf(id)
    if (prompt !== null) return prompt
    throw new HttpError(
      400,
      `problem_ids[${i}] ${noneOf(task)}; the service has to run with the configuration of the training`,
    )
  })
  const texts = completions ?? (await decode(completion_ids!, rewarded))
  return problem_ids.map((problemId, i) => {
    const ids = completion_ids?.[i] ?? []
    const last = ids.at(-1)
    const isCut = last !== undefined && !eosTokenIds.includes(last)
    const finishReason = finish_reasons?.[i] ?? (isCut ? 'length' : 'stop')
    return { problemId, prompt: prompts?.[i] ?? taskPrompts[i]!, completion: texts[i]!, ids, finishReason }
  })
}

/** What an id is that no problem of the task has, and what those of its problems are like. */
export function noneOf({ name, problems }: Task): string {
  return `is none of the ${problems.length} problems of task ${name}, with ids such as ${quote(problems[0]?.id)}`
}

/** As our own completions are decoded. */
async function decode(
  completionIds: readonly (readonly number[])[],
  { tokenizer }: RewardedTask,
): Promise<readonly string[]> {
  if (!tokenizer)
    throw new HttpError(400, 'the model has no tokenizer that could decode completion_ids; send completions too')
  const texts: string[] = []
  let turn = performance.now()
  for (const ids of completionIds) {
    texts.push(decodeTokens(tokenizer, ids, true))
    if (performance.now() - turn < TURN) continue
    await setImmediate()
    turn = performance.now()
  }
  return texts
}
