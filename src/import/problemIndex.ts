import type { Problem } from '../grading/problem.js'
import type { Task } from '../tasks/task.js'
import type { Tokenizer } from '../text/tokenizer.js'
import type { EngineCompletion } from './engineOutput.js'

/** Finds the problems of a task again in what an engine has recorded: by their ids, else by their prompts. */
export class ProblemIndex {
  readonly #byId: ReadonlyMap<string, Problem>
  #byPrompt: Map<string, Problem[]> | null = null

  constructor(
    private readonly task: Task | null,
    private readonly tokenizer: Tokenizer | null,
  ) {
    this.#byId = new Map(task?.problems.map((problem) => [problem.id, problem]))
  }

  /** The problem; null where the task has none with that id or prompt, or several with that prompt and other answers. */
  find({ problem, answer }: Pick<EngineCompletion, 'problem' | 'answer'>, prompt: string): Problem | null {
    // verl keeps nothing but the ground truth, which may be an id or the answer.
    const named = this.#byId.get(problem ?? '') ?? this.#byId.get(answer ?? '')
    if (named) return named
    this.#byPrompt ??= this.#readPrompts()
    const found = this.#byPrompt.get(prompt) ?? []
    const fitting = answer === null ? found : found.filter((one) => one.answer === answer)
    const [first, ...others] = fitting.length > 0 ? fitting : found
    return first && others.every((other) => other.answer === first.answer) ? first : null
  }

  /** Prompts as they are, and as an engine decodes them without special tokens. */
  #readPrompts(): Map<string, Problem[]> {
    const byPrompt = new Map<string, Problem[]>()
    for (const problem of this.task?.problems ?? []) {
      const { text, ids } = this.task!.prompt(problem, this.tokenizer)
      const decoded = this.tokenizer?.decode(ids, { skipSpecialTokens: true })
      for (const key of new Set([text, decoded ?? text])) {
        const problems = byPrompt.get(key)
        if (problems) problems.push(problem)
        else byPrompt.set(key, [problem])
      }
    }
    return byPrompt
  }
}
