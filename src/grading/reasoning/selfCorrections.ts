import { extractLastNumber } from '../answerExtraction.js'
import { findCalculations } from './calculations.js'

/** A place where a text takes back what it said. */
export interface SelfCorrection {
  /** The words that announce it, e.g. `Wait`. */
  readonly phrase: string
  /** Where they stand, in characters. */
  readonly position: number
  /** The correction changed a result, and changed it for the better (see {@link findSelfCorrections}). */
  readonly helpful: boolean
}

const phrases = new RegExp(
  [
    String.raw`\bwait\b(?= *[,.!…:—–-]|,? (?:that|this|no|let|i|actually|the)\b)`,
    String.raw`\bactually,`,
    String.raw`\bno, (?:that|wait|it|this|i)\b`,
    String.raw`\blet me (?:re-?(?:check|calculate|compute|do|consider|think|evaluate|examine|read)|correct|fix|try (?:again|that again)|start over|double[- ]check)`,
    String.raw`\bi (?:made|have made|see) (?:a|an|my) (?:\w+ )?(?:mistake|error)`,
    String.raw`\b(?:that|this)(?:'s| is|’s) (?:not (?:right|correct)|wrong|incorrect|a mistake)`,
    String.raw`\bi was wrong\b`,
    String.raw`\b(?:correction|oops|scratch that|on second thought|hold on|hmm)\b`,
    String.raw`\bmy (?:mistake|error)\b`,
  ].join('|'),
  'gi',
)

/** Phrases that follow each other within so many characters are one correction: `Wait, that's wrong. Let me redo this.` */
const SAME_CORRECTION = 120

/**
 * Finds where a text takes back what it said. A correction is helpful if the result behind it differs from the one before it
 * and, when it is known whether the final answer is right, that is right; otherwise, if the calculation before it was wrong
 * and the one behind it is right. A check that confirms a result is found, but not helpful.
 */
export function findSelfCorrections(text: string, isAnswerRight: boolean | null = null): SelfCorrection[] {
  const places: { phrase: string; position: number; end: number }[] = []
  for (const match of text.matchAll(phrases)) {
    const previous = places.at(-1)
    const end = match.index + match[0].length
    if (previous && match.index - previous.end < SAME_CORRECTION) previous.end = end
    else places.push({ phrase: match[0], position: match.index, end })
  }
  return places.map(({ phrase, position, end }, i) => {
    const before = text.slice(i === 0 ? 0 : places[i - 1]!.end, position)
    const after = text.slice(end, places[i + 1]?.position)
    return { phrase, position, helpful: isHelpful(before, after, isAnswerRight) }
  })
}

function isHelpful(before: string, after: string, isAnswerRight: boolean | null): boolean {
  const wrongBefore = findCalculations(before).at(-1)
  const redone = findCalculations(after)[0]
  const repaired = wrongBefore?.correct === false && redone?.correct === true
  if (isAnswerRight === null) return repaired
  const [old, renewed] = [extractLastNumber(before), extractLastNumber(after)]
  return isAnswerRight && (repaired || (renewed !== null && old !== renewed))
}
