import { afterReasoning } from '../answerExtraction.js'
import type { CodeLanguage } from '../../sandbox/codeRun.js'
import { lastTagged } from '../thinkForm.js'
import { dedented, fencedBlocks } from './fencedBlocks.js'

/** What a completion is to be completed to. */
export interface CodeQuestion {
  readonly language: CodeLanguage
  /** The code that the completion may continue: imports, helper functions, and the head of the function; empty if there is none. */
  readonly prompt: string
  /** The function that is asked for. */
  readonly entryPoint?: string
}

export interface ExtractedCode {
  /** A whole program. */
  readonly program: string
  /** The code is in a fenced block, or the completion is nothing but code that continues the prompt. */
  readonly isStrict: boolean
}

/**
 * The programs that a completion may mean, the likeliest one first: its last fenced block that defines the function; else its
 * last block as the function's body; else, without any block, the whole text as a continuation of the prompt, or the part of
 * it that looks like code. What the prompt has before the function is put before code that does not have it. What stands
 * inside `<think>` is left out, and of `<answer>` the inside is taken.
 */
export function extractCode(completion: string, question: CodeQuestion): ExtractedCode[] {
  const final = afterReasoning(completion)
  const text = lastTagged(final ?? completion, 'answer') ?? final ?? completion
  const blocks = fencedBlocks(text)
  const whole = blocks.filter((block) => definesEntry(block, question))
  const found: ExtractedCode[] = []
  const add = (program: string, isStrict: boolean): void => {
    if (program.trim() !== '' && !found.some((known) => known.program === program)) {
      found.push({ program, isStrict: isStrict && final !== null })
    }
  }
  if (whole.length > 0) {
    add(withPreamble(whole.at(-1)!, question), true)
    // Explanations often split a program over several blocks.
    if (blocks.length > 1) add(withPreamble(blocks.join('\n\n'), question), false)
    add(withPreamble(whole[0]!, question), false)
  } else if (blocks.length > 0) {
    add(continued(blocks.at(-1)!, question), true)
    // A whole function that is indented further than its fence.
    const shifted = blocks.map(dedented).filter((block) => definesEntry(block, question))
    if (shifted.length > 0) add(withPreamble(shifted.at(-1)!, question), false)
  } else if (definesEntry(text, question)) {
    const code = codeLines(text, question.language)
    add(withPreamble(code, question), code.trim() === text.trim())
  } else if (question.prompt !== '') {
    add(continued(untilProse(text, question.language), question), true)
  } else {
    add(codeLines(text, question.language), true)
  }
  return found
}

function definesEntry(code: string, { entryPoint, language }: CodeQuestion): boolean {
  if (entryPoint === undefined) return declaredNames(code, language).length > 0
  return declaredNames(code, language).includes(entryPoint)
}

/** Names that top-level statements of a program declare. */
export function declaredNames(code: string, language: CodeLanguage): string[] {
  const pattern =
    language === 'python'
      ? /^(?:(?:async\s+)?def|class)\s+(\w+)|^(\w+)\s*(?::[^=\n]+)?=(?!=)/gm
      : /^(?:export\s+)?(?:default\s+)?(?:(?:async\s+)?function\s*\*?|const|let|var|class)\s+([\w$]+)/gm
  return [...code.matchAll(pattern)].map((match) => (match[1] ?? match[2])!)
}

/** Puts imports and helper functions of the prompt before a program that declares none of them itself. */
function withPreamble(code: string, question: CodeQuestion): string {
  const preamble = preambleOf(question)
  if (preamble.trim() === '') return code
  if (question.language === 'python') return `${preamble}\n${code}`
  const declared = declaredNames(code, question.language)
  return declaredNames(preamble, question.language).some((name) => declared.includes(name))
    ? code
    : `${preamble}\n${code}`
}

/** What the prompt has before the function that is asked for; empty if it has no such function. */
function preambleOf({ prompt, entryPoint, language }: CodeQuestion): string {
  if (entryPoint === undefined) return prompt
  const start = headOf(entryPoint, prompt, language)
  return start < 0 ? '' : prompt.slice(0, start)
}

/**
 * Code of the prompt that tests may use, and that a completion cannot replace: all of it but the function that is asked for.
 * Python's sandbox leaves that out itself.
 */
export function helperCode({ prompt, entryPoint, language }: CodeQuestion): string {
  const start = entryPoint === undefined || language === 'python' ? -1 : headOf(entryPoint, prompt, language)
  return start < 0 ? prompt : prompt.slice(0, start)
}

/** Where a prompt begins to define a function; -1 if it does not. */
function headOf(entryPoint: string, prompt: string, language: CodeLanguage): number {
  const name = entryPoint.replace(/[^\w]/g, '\\$&')
  const head =
    language === 'python'
      ? new RegExp(`^(?:async\\s+)?def\\s+${name}\\b`, 'm')
      : new RegExp(`^(?:export\\s+)?(?:(?:async\\s+)?function\\s*\\*?|const|let|var)\\s+${name}\\b`, 'm')
  return prompt.search(head)
}

/** The prompt with the body of its function. */
function continued(body: string, { prompt, language }: CodeQuestion): string {
  if (prompt === '' || language !== 'python') return prompt + body
  const lines = body.split('\n')
  const first = lines.findIndex((line) => line.trim() !== '')
  if (first < 0 || /^\s/.test(lines[first]!)) return prompt + body
  // A body that lost its indentation, as a whole or in its first line alone.
  const isFirstAlone = lines.slice(first + 1).every((line) => line.trim() === '' || /^ {4}|^\t/.test(line))
  const indented = lines.map((line, i) => (i === first || !isFirstAlone ? `    ${line}` : line))
  return prompt + indented.join('\n')
}

const codeLine: Readonly<Record<'python' | 'javascript', RegExp>> = {
  python:
    /^(?:\s|@|#|$|(?:async\s+)?def\s|class\s|import\s|from\s+\S+\s+import\b|[A-Za-z_]\w*\s*(?::[^=]+)?=|\)|\]|\}|try:|except\b|with\s|for\s.*:|while\s.*:|if\s.*:|else:|elif\s|(?:return|raise|yield)\b)/,
  javascript:
    /^(?:\s|\/\/|\/\*|\*|$|[)}\]]|(?:export\s+)?(?:default\s+)?(?:async\s+)?function\b|(?:export\s+)?(?:const|let|var|class|type|interface|enum)\s|[\w$.]+\s*=|import\s|module\.exports|for\s*\(|if\s*\(|while\s*\(|return\b)/,
}

function isCodeLine(line: string, language: CodeLanguage): boolean {
  return codeLine[language === 'python' ? 'python' : 'javascript'].test(line)
}

/** From the first line that begins a program to the last one that could belong to it. */
function codeLines(text: string, language: CodeLanguage): string {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => /^\S/.test(line) && isCodeLine(line, language))
  return start < 0 ? '' : untilProse(lines.slice(start).join('\n'), language)
}

/** The text up to the first line that is no code, such as an explanation, a print or a test of its own. */
function untilProse(text: string, language: CodeLanguage): string {
  const lines = text.split('\n')
  const first = lines.findIndex((line) => line.trim() !== '')
  const end = lines.findIndex((line, i) => i > first && !isCodeLine(line, language))
  const isMain = lines.findIndex((line) => /^if\s+__name__\s*==/.test(line))
  const stops = [end, isMain].filter((line) => line >= 0)
  return (stops.length === 0 ? lines : lines.slice(0, Math.min(...stops))).join('\n')
}
