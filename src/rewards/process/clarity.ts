import { z } from 'zod'
import { sentences } from '../../grading/reasoning/steps.js'
import type { LanguageConsistencyOptions } from '../options.js'
import type { RewardFunction, RewardOptions } from '../reward.js'
import { rewardOptions } from '../rewardOptions.js'

/** A sentence with more words is hard to read. */
const LONGEST_SENTENCE = 40

/**
 * Pays up to 1 for text that can be read, a quarter for each of: at least three words, most of them of ordinary length;
 * sentences of 40 words at most; hardly any characters that belong to no text; an end that is no torn-off word. A heuristic of
 * the surface, in any language with spaces between words: it tells nothing about sense.
 */
export function clarity(options: RewardOptions = {}): RewardFunction {
  const [common] = rewardOptions('clarity', {}, options)
  return {
    ...common,
    score({ completion, meta: { finishReason } }) {
      const text = completion.replace(/<\/?[a-z_]+>/g, ' ').trim()
      const words = text.match(/\p{L}[\p{L}'’-]*/gu) ?? []
      const ordinary = words.filter((word) => word.length <= 20).length
      if (words.length < 3 || ordinary < 0.95 * words.length) return 0
      const lines = text.split('\n').flatMap(sentences)
      const long = lines.filter((line) => (line.match(/\p{L}+/gu) ?? []).length > LONGEST_SENTENCE).length
      const odd =
        (text.match(/[^\p{L}\p{M}\p{N}\p{P}\p{S}\s]/gu) ?? []).length + (text.match(/(.)\1{9,}/gsu) ?? []).length
      return 0.25 * [true, long === 0, odd <= text.length / 100, finishReason === 'stop'].filter(Boolean).length
    },
  }
}

/** Options of {@link languageConsistency} besides weight and timeout. */
export const languageConsistencyOptions = {
  script: z
    .string()
    .refine(isScript, 'expected a script of Unicode, such as Latin, Cyrillic or Han')
    .optional()
    .describe('A script of Unicode, such as Latin, Cyrillic or Han. Defaults to that of most letters of the question.'),
}

function isScript(name: string): boolean {
  try {
    countLetters('', `Script=${name}`)
    return /^\w+$/.test(name)
  } catch {
    return false
  }
}

const scripts = [
  'Latin',
  'Cyrillic',
  'Greek',
  'Han',
  'Hiragana',
  'Katakana',
  'Hangul',
  'Arabic',
  'Hebrew',
  'Devanagari',
  'Thai',
]

/**
 * The share of letters that are of the expected script, after the language consistency reward of DeepSeek-R1
 * (arXiv 2501.12948, 2.3.2), which takes the share of words of the target language. 0 for a text without letters.
 */
export function languageConsistency(options: LanguageConsistencyOptions = {}): RewardFunction {
  const [common, { script: wanted }] = rewardOptions('language_consistency', languageConsistencyOptions, options)
  return {
    ...common,
    score({ completion, meta: { problem } }) {
      const letters = countLetters(completion, 'L')
      const script = wanted ?? mainScript(problem.question)
      return letters === 0 ? 0 : countLetters(completion, `Script=${script}`) / letters
    },
  }
}

function mainScript(text: string): string {
  const counts = scripts.map((script) => countLetters(text, `Script=${script}`))
  return scripts[counts.indexOf(Math.max(...counts))]!
}

function countLetters(text: string, property: string): number {
  return text.match(new RegExp(`\\p{${property}}`, 'gu'))?.length ?? 0
}
