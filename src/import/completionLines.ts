import { createHash } from 'node:crypto'
import { DataError } from '../errors.js'
import { correctnessJudge } from '../rewards/judge.js'
import type { CompletionLine } from '../run/completionsFile.js'
import type { EngineCompletion, EngineStep } from './engineOutput.js'
import type { ImportContext } from './importContext.js'
import { ImportedRewards } from './importedRewards.js'
import { ProblemIndex } from './problemIndex.js'

/** Names that judge correctness where no configuration says which reward does. */
const KNOWN_JUDGES: readonly string[] = ['correctness', 'accuracy_reward']

/** A completion as a line of the run, and its tokens as the tokenizer makes them of its text; null without one. */
export interface ImportedCompletion {
  readonly line: CompletionLine
  readonly ids: readonly number[] | null
}

/** What an engine has recorded of completions, made into lines of a run; counts what is missing. */
export class CompletionLines {
  readonly #problems: ProblemIndex
  readonly #rewards: ImportedRewards
  readonly #judge: string | null
  #all = 0
  #unknownProblems = 0
  #measuredFromText = 0
  #notMeasured = 0
  #withoutAdvantage = 0
  #brokenGroups = 0

  constructor(private readonly context: ImportContext) {
    const { config, task, rewards, tokenizer } = context
    this.#problems = new ProblemIndex(task, tokenizer)
    this.#rewards = new ImportedRewards(context)
    this.#judge = config === null ? null : (correctnessJudge(rewards)?.name ?? null)
  }

  /** [groups][numGenerations] The completions of a step, group by group. Throws the reason of the signal. */
  async groups({ step, completions }: EngineStep, signal?: AbortSignal): Promise<ImportedCompletion[][]> {
    const size = this.context.config?.grpo.numGenerations ?? null
    const byPrompt = new Map<string, EngineCompletion[]>()
    for (const completion of completions) {
      const prompt = this.#promptText(completion)
      const group = byPrompt.get(prompt)
      if (group) group.push(completion)
      else byPrompt.set(prompt, [completion])
    }
    const groups = [...byPrompt].flatMap(([prompt, all]) => {
      if (size !== null && all.length % size !== 0) this.#brokenGroups++
      const count = Math.ceil(all.length / (size ?? all.length))
      return Array.from({ length: count }, (_, k) => {
        const members = all.slice(k * (size ?? 0), size === null ? undefined : (k + 1) * size)
        return { prompt, members }
      })
    })
    return Promise.all(
      groups.map(({ prompt, members }, group) =>
        Promise.all(members.map((completion) => this.#complete(step, group, prompt, completion, signal))),
      ),
    )
  }

  /** What was missing, in sentences. */
  get notes(): string[] {
    const { config, tokenizer } = this.context
    const of = (count: number): string => (count === this.#all ? 'all' : `${count} of ${this.#all}`)
    return [
      this.#unknownProblems > 0 &&
        (config === null
          ? 'no configuration says which task it was (--config), so problems have made-up names, and answers are those that the engine kept'
          : `${of(this.#unknownProblems)} completions answer prompts that the task ${config.run.task} does not have (or the tokenizer to make ` +
            'them is missing); their problems have made-up names'),
      this.#brokenGroups > 0 &&
        `${this.#brokenGroups} prompts have a number of completions in a step that num_generations (${config?.grpo.numGenerations}) does not divide`,
      this.#measuredFromText > 0 &&
        `lengths and finish reasons of ${of(this.#measuredFromText)} completions are worked out by tokenizing their texts again: the engine did ` +
          'not keep the tokens',
      this.#notMeasured > 0 &&
        `lengths or finish reasons of ${of(this.#notMeasured)} completions are not known` +
          (tokenizer === null
            ? ': there is no tokenizer here'
            : config === null
              ? ': max_completion_length is not known (--config)'
              : ''),
      this.#withoutAdvantage > 0 && `the engine recorded no advantage of ${of(this.#withoutAdvantage)} completions`,
      ...this.#rewards.notes,
    ].filter((note) => note !== false)
  }

  async #complete(
    step: number,
    group: number,
    prompt: string,
    completion: EngineCompletion,
    signal: AbortSignal | undefined,
  ): Promise<ImportedCompletion> {
    this.#all++
    const problem = this.#problems.find(completion, prompt)
    if (problem === null) this.#unknownProblems++
    const { advantage } = completion
    if (advantage === null) this.#withoutAdvantage++
    const ids = this.#encode(completion.completion)
    const { length, finishReason } = this.#measure(completion, ids)
    const rewards = await this.#rewards.of(completion, { problem, prompt, ids: ids ?? [], finishReason }, signal)
    const judge =
      this.#judge ?? (this.context.config === null ? KNOWN_JUDGES.find((name) => name in rewards) : undefined)
    const judged = judge === undefined ? null : (rewards[judge] ?? null)
    return {
      ids,
      line: {
        step,
        group,
        problem:
          problem?.id ??
          completion.problem ??
          `prompt-${createHash('sha256').update(prompt).digest('hex').slice(0, 12)}`,
        prompt,
        completion: completion.completion,
        answer: problem?.answer ?? completion.answer,
        rewards,
        correct: judged === null ? null : judged > 0,
        reward: completion.reward === undefined ? this.#rewards.sum(rewards) : completion.reward,
        advantage,
        finish_reason: finishReason,
        length,
      },
    }
  }

  #promptText({ prompt }: EngineCompletion): string {
    if (typeof prompt === 'string') return prompt
    const { tokenizer } = this.context
    if (tokenizer?.hasChatTemplate) return tokenizer.applyChatTemplate(prompt, { addGenerationPrompt: true })
    return prompt.map(({ role, content }) => `${role}: ${content}`).join('\n')
  }

  #encode(text: string): readonly number[] | null {
    try {
      return this.context.tokenizer?.encode(text) ?? null
    } catch (error) {
      // The vocabulary is another one.
      if (error instanceof DataError) return null
      throw error
    }
  }

  /** Without special tokens, texts lack the EOS token, which counts where a completion ended by itself and by no stop string. */
  #measure(
    { completion, length, finishReason }: EngineCompletion,
    ids: readonly number[] | null,
  ): Pick<EngineCompletion, 'length' | 'finishReason'> {
    const limit = this.context.config?.grpo.maxCompletionLength
    if (length !== null && finishReason !== null) return { length, finishReason }
    if (ids === null || limit === undefined) {
      this.#notMeasured++
      return { length, finishReason }
    }
    this.#measuredFromText++
    const isCut = (length ?? ids.length) >= limit
    const stopped = this.context.config?.grpo.stopStrings.some((stop) => completion.endsWith(stop))
    const counted = isCut ? limit : ids.length + (stopped ? 0 : 1)
    return { length: length ?? counted, finishReason: finishReason ?? (isCut && !stopped ? 'length' : 'stop') }
  }
}
