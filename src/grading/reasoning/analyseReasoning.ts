import {
  afterReasoning,
  announcement,
  extractAnnouncedAnswer,
  extractLastNumber,
  extractMarkedAnswer,
  readNumber,
} from '../answerExtraction.js'
import { findNumbers } from '../answers/findNumbers.js'
import { plainCharacters } from '../numbers/characters.js'
import { findCalculations } from './calculations.js'
import type { Calculation } from './calculations.js'
import { findSelfCorrections } from './selfCorrections.js'
import type { SelfCorrection } from './selfCorrections.js'
import { findSteps } from './steps.js'

/** What can be told about the reasoning in a text without understanding it. */
export interface ReasoningAnalysis {
  /** The steps of the reasoning, as they are written. */
  readonly steps: readonly string[]
  /** Claims of the form `18 / 3 = 6`. */
  readonly calculations: readonly Calculation[]
  /** Those of `calculations` that do not come out. */
  readonly wrongCalculations: readonly Calculation[]
  /** Places where the text takes back what it said. */
  readonly selfCorrections: readonly SelfCorrection[]
  /** Those of `selfCorrections` that changed a result for the better. */
  readonly helpfulSelfCorrections: readonly SelfCorrection[]
  /** The number that the text answers with; null if there is none. */
  readonly finalAnswer: string | null
  /**
   * Whether the final answer follows from the last step: it is the result of the last calculation, or stands in the last
   * step. Null without a final answer or without a step.
   */
  readonly finalAnswerFollows: boolean | null
}

/** Longer texts are analysed up to here, in characters. */
const MAX_LENGTH = 100_000

/**
 * Analyses the reasoning in a completion: its steps, its arithmetic, its changes of mind, and whether the answer follows from
 * the last step. All of it is found by patterns, in English; a text may reason well in ways that are not counted.
 *
 * @param answer the gold answer, if it is known: tells which self-corrections helped
 */
export function analyseReasoning(completion: string, answer?: string): ReasoningAnalysis {
  const text = completion.slice(0, MAX_LENGTH)
  const final = afterReasoning(text) ?? text
  const finalAnswer = finalNumber(final) ?? (final === text ? null : finalNumber(text))
  const gold = answer === undefined ? null : readNumber(answer)
  const selfCorrections = findSelfCorrections(text, gold === null ? null : finalAnswer === gold)
  const steps = findSteps(text)
  const calculations = findCalculations(text)
  return {
    steps,
    calculations,
    wrongCalculations: calculations.filter(({ correct }) => !correct),
    selfCorrections,
    helpfulSelfCorrections: selfCorrections.filter(({ helpful }) => helpful),
    finalAnswer,
    finalAnswerFollows: followsFrom(finalAnswer, steps, calculations),
  }
}

/** The number that a text answers with; `Answer: No, we cannot conclude that` has none. */
function finalNumber(text: string): string | null {
  const stated = extractMarkedAnswer(text) ?? extractAnnouncedAnswer(text)
  return stated ?? (text.search(announcement) < 0 ? extractLastNumber(text) : null)
}

function followsFrom(
  finalAnswer: string | null,
  steps: readonly string[],
  calculations: readonly Calculation[],
): boolean | null {
  const last = steps.at(-1)
  if (finalAnswer === null || last === undefined) return null
  const result = calculations.at(-1)
  if (result !== undefined && readNumber(String(result.claimed)) === finalAnswer) return true
  return findNumbers(plainCharacters(last)).some(({ value }) => value === finalAnswer)
}
