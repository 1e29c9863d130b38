import { findCalculations } from './calculations.js'

const listMark = /^\s*(?:\(?\d{1,2}[.):]|[-*•]|(?:#+\s*|\*\*)?step\s+\d+\b[.:)]?)\s*/i
const answerLine = /^\s*(?:####|\**\s*(?:the\s+)?(?:final\s+)?answer\b|<\/?answer>)/i
const connective =
  /^(?:first|second|third|next|then|now|so|therefore|thus|hence|since|because|if|let|finally|after|but|we (?:know|need|have|can|get)|this means|in total|altogether)\b/i

/**
 * The steps of a reasoning: the items of a list, and the sentences that calculate, state a number or an equation, or draw a
 * conclusion (`since`, `therefore` …). Tags, headings and the line of the answer are none.
 */
export function findSteps(text: string): string[] {
  const steps: string[] = []
  for (const line of text.replace(/<\/?(?:think|reasoning)>/g, '\n').split('\n')) {
    if (line.trim() === '' || answerLine.test(line)) continue
    const mark = listMark.exec(line)?.[0] ?? ''
    const content = line.slice(mark.length).replace(/\*\*/g, '').trim()
    if (mark !== '' && /[\p{L}\p{N}]/u.test(content)) steps.push(content)
    else steps.push(...sentences(content).filter(isReasoning))
  }
  return steps
}

/** Splits at the ends of sentences; the point of `3.5` or `e.g.` is none. */
export function sentences(text: string): string[] {
  return text
    .split(/(?<=[.!?])\s+(?=[\p{Lu}\p{N}$\\("'])/u)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== '')
}

function isReasoning(sentence: string): boolean {
  if (/^#+\s/.test(sentence) || sentence.endsWith(':')) return false
  return /\d|=/.test(sentence) || connective.test(sentence) || findCalculations(sentence).length > 0
}
