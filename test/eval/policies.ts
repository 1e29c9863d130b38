import { loadModel } from '../../src/policy/loadModel.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import type { Problem } from '../../src/grading/problem.js'
import type { Task } from '../../src/tasks/task.js'
import { randomPolicy } from '../fixtures/policies.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'

/**
 * Problems of two difficulties for a model of random weights: right is a completion with a certain letter in it, in the form
 * asked for is one with nothing but ASCII before it.
 */
export function letterTask(count = 12): Task {
  const problems = Array.from({ length: count }, (_, i): Problem => ({
    id: `letters/${i}`,
    question: `Say ${String.fromCharCode(97 + i)}`,
    answer: 'e',
    difficulty: i % 2,
    grader: (completion) => {
      const at = completion.indexOf('e')
      const correctLenient = at >= 0
      const correct = correctLenient && /^[\x20-\x7f]*$/.test(completion.slice(0, at))
      return { correct, correctLenient, extracted: completion.slice(0, 3) || null }
    },
  }))
  return {
    name: 'letters',
    problems,
    systemPrompt: null,
    prompt: ({ question }, tokenizer) => ({ text: question, ids: tokenizer?.encode(question) ?? [] }),
  }
}

/** Runs a test with a model of random weights and a policy whose adapter changes it. */
export async function withPolicies(body: (base: CausalLM, policy: CausalLM) => Promise<void>): Promise<void> {
  const base = await loadModel(temporaryTinyModel())
  const policy = randomPolicy(base)
  try {
    await body(base, policy)
  } finally {
    policy.dispose()
    base.dispose()
  }
}
