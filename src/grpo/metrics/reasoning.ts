import type { RolloutGroup } from '../rollouts.js'
import { mean } from '../statistics.js'

/** A line that is numbered, bulleted, or says so: `1.`, `2)`, `-`, `Step 3:`. */
const markedStep = /^\s*(?:\d{1,2}[.)]\s|[-*•]\s|step\s+\d+)/i

/** An operator between two terms. */
const operation = /[\p{L}\d)]\s*[+\-−*×·/÷]\s*[\p{L}\d(]/u

/** Words by which a writer takes something back or checks it. */
const correction =
  /\b(?:wait|hmm+|actually|that(?:'s| is) (?:wrong|not right|incorrect)|i made (?:a|an) (?:mistake|error)|let me (?:re-?check|re-?do|re-?calculate|re-?consider|try again|check (?:this|that|again))|correction|on second thought)\b/gi

/** Steps in a text: lines that are numbered, bulleted or called a step, or that hold a calculation; each line counts once. */
export function countReasoningSteps(text: string): number {
  return text.split('\n').filter((line) => markedStep.test(line) || holdsCalculation(line)).length
}

/** `3 × 6 = 18`, `x + 3x = 24`: an operation, and later an equals sign with something behind it. */
function holdsCalculation(line: string): boolean {
  const equals = line.trimEnd().lastIndexOf('=', line.trimEnd().length - 2)
  return equals > 0 && operation.test(line.slice(0, equals))
}

/** Places in a text where the writer takes something back or checks it again (wait, actually, let me re-check, …). */
export function countSelfCorrections(text: string): number {
  return text.match(correction)?.length ?? 0
}

/**
 * `reasoning/steps` and `reasoning/self_corrections`: their mean number in a completion. Both look for forms and words, so they
 * say how a model writes, not whether it reasons well.
 */
export function reasoningMetrics(groups: readonly RolloutGroup[]): Record<string, number> {
  const texts = groups.flatMap(({ completions }) => completions.map(({ text }) => text))
  if (texts.length === 0) return {}
  return {
    'reasoning/steps': mean(texts.map(countReasoningSteps)),
    'reasoning/self_corrections': mean(texts.map(countSelfCorrections)),
  }
}
