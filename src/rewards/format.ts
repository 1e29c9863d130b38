import { ConfigError } from '../errors.js'
import { readBareNumber } from '../grading/answerExtraction.js'
import { findBoxed } from '../grading/answers/boxed.js'
import type { RewardFunction, RewardOptions } from './reward.js'
import { rewardWeight } from './reward.js'

export interface FormatOptions extends RewardOptions {
  /**
   * `gsm8k`: the completion ends with a line `#### <number>` and has no other line that begins with `####`.
   * `think`: it is `<think>…</think><answer>…</answer>`, each tag once, neither part empty, nothing but white space around.
   * `boxed`: its last line holds the only `\boxed{…}`, which is not empty.
   * Defaults to `gsm8k`, or `boxed` for a problem whose `answerFormat` is that; a problem whose `answerFormat` is `bare` wants the number alone in either case.
   */
  style?: 'gsm8k' | 'think' | 'boxed'
  /** The tag around the reasoning in the style `think`. Defaults to `think`. */
  reasoningTag?: string
  /** The tag around the answer in the style `think`. Defaults to `answer`. */
  answerTag?: string
}

/**
 * Rewards a completion in the right form with 1, any other with 0, whether its answer is right or not. One that was cut
 * off at the token limit did not end, so it gets 0.
 */
export function format(options: FormatOptions = {}): RewardFunction {
  const style: string = options.style ?? 'gsm8k'
  const { reasoningTag = 'think', answerTag = 'answer' } = options
  const checks: Readonly<Record<string, (completion: string) => boolean>> = {
    gsm8k: endsWithAnswerLine,
    think: (completion) => isThinkThenAnswer(completion, reasoningTag, answerTag),
    boxed: endsWithBox,
  }
  const isFormatted = checks[style]
  if (isFormatted === undefined) {
    throw new ConfigError(`format style is '${style}'; it must be ${Object.keys(checks).join(', ')}`)
  }
  for (const tag of [reasoningTag, answerTag]) {
    if (!/^[\w-]+$/.test(tag)) throw new ConfigError(`format tag is '${tag}'; it must be a word such as think`)
  }
  return {
    name: 'format',
    weight: rewardWeight('format', options),
    score({ completion, problem, finishReason }) {
      if (finishReason !== 'stop') return 0
      if (problem.answerFormat === 'bare') return readBareNumber(completion) === null ? 0 : 1
      const check = options.style === undefined && problem.answerFormat === 'boxed' ? endsWithBox : isFormatted
      return check(completion) ? 1 : 0
    },
  }
}

function endsWithAnswerLine(completion: string): boolean {
  const text = completion.trimEnd()
  const lastLine = text.slice(text.lastIndexOf('\n') + 1)
  const isAnswer = lastLine.startsWith('#### ') && readBareNumber(lastLine.slice('#### '.length)) !== null
  return isAnswer && text.match(/^[ \t]*####/gm)?.length === 1
}

function endsWithBox(completion: string): boolean {
  const [box, ...others] = findBoxed(completion)
  const start = completion.trimEnd().lastIndexOf('\n') + 1
  return box !== undefined && others.length === 0 && box.start >= start && box.content.trim() !== ''
}

function isThinkThenAnswer(completion: string, reasoningTag: string, answerTag: string): boolean {
  let rest = completion.trim()
  const parts: string[] = []
  for (const tag of [`<${reasoningTag}>`, `</${reasoningTag}>`, `<${answerTag}>`, `</${answerTag}>`]) {
    const start = rest.indexOf(tag)
    if (start < 0) return false
    parts.push(rest.slice(0, start).trim())
    rest = rest.slice(start + tag.length)
  }
  const [before, thought, between, answer] = parts
  return (
    before === '' &&
    thought !== '' &&
    between === '' &&
    answer !== '' &&
    rest === '' &&
    ![thought, answer].some((part) => new RegExp(`</?(?:${reasoningTag}|${answerTag})>`).test(part!))
  )
}
