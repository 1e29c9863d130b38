import { ConfigError } from '../errors.js'
import { readBareNumber } from './answerExtraction.js'
import type { RewardFunction, RewardOptions } from './reward.js'
import { rewardWeight } from './reward.js'

export interface FormatOptions extends RewardOptions {
  /**
   * `gsm8k`: the completion ends with a line `#### <number>` and has no other line that begins with `####`.
   * `think`: it is `<think>…</think><answer>…</answer>`, each tag once, neither part empty, nothing but white space around.
   * Defaults to `gsm8k`; a problem whose `answerFormat` is `bare` wants the number alone in either case.
   */
  style?: 'gsm8k' | 'think'
}

/**
 * Rewards a completion in the right form with 1, any other with 0, whether its answer is right or not. One that was cut
 * off at the token limit did not end, so it gets 0.
 */
export function format(options: FormatOptions = {}): RewardFunction {
  const style: string = options.style ?? 'gsm8k'
  if (style !== 'gsm8k' && style !== 'think') {
    throw new ConfigError(`format style is '${style}'; it must be gsm8k or think`)
  }
  const isFormatted = style === 'gsm8k' ? endsWithAnswerLine : isThinkThenAnswer
  return {
    name: 'format',
    weight: rewardWeight('format', options),
    score({ completion, problem, finishReason }) {
      if (finishReason !== 'stop') return 0
      const isRight = problem.answerFormat === 'bare' ? readBareNumber(completion) !== null : isFormatted(completion)
      return isRight ? 1 : 0
    },
  }
}

function endsWithAnswerLine(completion: string): boolean {
  const text = completion.trimEnd()
  const lastLine = text.slice(text.lastIndexOf('\n') + 1)
  const isAnswer = lastLine.startsWith('#### ') && readBareNumber(lastLine.slice('#### '.length)) !== null
  return isAnswer && text.match(/^[ \t]*####/gm)?.length === 1
}

function isThinkThenAnswer(completion: string): boolean {
  let rest = completion.trim()
  const parts: string[] = []
  for (const tag of ['<think>', '</think>', '<answer>', '</answer>']) {
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
    ![thought, answer].some((part) => /<\/?(?:think|answer)>/.test(part!))
  )
}
