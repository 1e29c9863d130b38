import type { CausalLM } from '../../policy/causalLM.js'
import type { Task } from '../../tasks/task.js'
import { ok } from './preflightCheck.js'
import type { PreflightCheck } from './preflightCheck.js'

/** Prompts whose length is looked at: enough to see the long ones, few enough to take a moment. */
const PROMPTS = 100

/** A text that no chat template contains. */
const MARKER = 'preflight-answer'

/** Whether the model is asked as it was taught: does it have a chat template? */
export function checkChatTemplate({ tokenizer }: CausalLM): PreflightCheck {
  if (tokenizer?.hasChatTemplate) return ok('chat_template', 'prompts are written in the chat template of the model')
  return {
    name: 'chat_template',
    status: 'warning',
    evidence: {},
    message: `the model has no ${tokenizer ? 'chat template' : 'tokenizer'}, so prompts are plain text`,
    advice: 'take an instruct model, or worked examples in the prompt (shots) that show how to answer and where to end',
  }
}

/** Whether a completion can end: is there an EOS token, and does the chat template end a turn with it? */
export function checkEndOfSequence({ tokenizer, eosTokenIds }: CausalLM): PreflightCheck {
  const name = (id: number): string => tokenizer?.idToToken(id) ?? String(id)
  if (eosTokenIds.length === 0) {
    return {
      name: 'eos',
      status: 'problem',
      evidence: { 'EOS tokens': 0 },
      message: 'the model names no token that ends a completion: every one would run to maxCompletionLength',
      advice: 'set eos_token_id in generation_config.json, or name the end of an answer in stopStrings',
    }
  }
  const known = eosTokenIds.map(name).join(', ')
  const evidence = { 'EOS tokens': eosTokenIds.length }
  if (!tokenizer?.hasChatTemplate) return ok('eos', `a completion ends with ${known}`, evidence)
  const chat = [
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content: MARKER },
  ] as const
  const text = tokenizer.applyChatTemplate(chat, { addGenerationPrompt: false })
  const ending = text.slice(text.lastIndexOf(MARKER) + MARKER.length)
  if (tokenizer.encode(ending).some((id) => eosTokenIds.includes(id))) {
    return ok('eos', `the chat template ends an answer with ${JSON.stringify(ending.trim())}, an EOS token`, evidence)
  }
  return {
    name: 'eos',
    status: 'problem',
    evidence,
    message:
      `the chat template ends an answer with ${JSON.stringify(ending)}, but the EOS tokens are ${known}: ` +
      'what the model was taught to write at the end does not end a completion',
    advice: 'add that token to eos_token_id in generation_config.json, or to stopStrings',
  }
}

/** Whether every prompt leaves room for a completion in the model's positions. */
export function checkPromptLengths(policy: CausalLM, task: Task, maxCompletionLength: number): PreflightCheck {
  const problems = evenly(task.problems, PROMPTS)
  const lengths = problems.map((problem) => task.prompt(problem, policy.tokenizer).ids.length)
  const longest = lengths.reduce((max, length) => Math.max(max, length), 0)
  const room = policy.config.maxPositions - maxCompletionLength + 1
  const evidence = { 'longest prompt': longest, max_completion_length: maxCompletionLength }
  const found = `the longest of ${lengths.length} prompts has ${longest} tokens`
  if (longest <= room) return ok('prompt_length', found, evidence)
  return {
    name: 'prompt_length',
    status: 'problem',
    evidence,
    message: `${found}; with maxCompletionLength ${maxCompletionLength} that is more than the ${policy.config.maxPositions} positions of the model`,
    advice:
      longest < policy.config.maxPositions
        ? `set maxCompletionLength to ${policy.config.maxPositions - longest + 1} or less, or leave long problems out`
        : 'leave out the problems with the longest prompts, or take fewer worked examples (shots)',
  }
}

/** `count` items spread evenly over a list, in its order. */
export function evenly<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items]
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!)
}
