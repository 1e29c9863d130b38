import { ConfigError } from '../errors.js'
import { answerFormRules } from '../grading/answerForm.js'
import type { AnswerForm } from '../grading/answerForm.js'
import { choiceGrader, yesOrNo } from '../grading/choice.js'
import { codeGrader } from '../grading/code/codeGrader.js'
import { grade } from '../grading/number.js'
import type { Grader, Problem } from '../grading/problem.js'
import type { CodeLimits } from '../sandbox/codeRun.js'
import { checkCount } from './checkCount.js'
import { codeForm } from './humanEval.js'
import { questionPrompt } from './questionPrompt.js'
import type { Split, Task } from './task.js'

/** How the worked examples are asked. */
export interface WorkedExamplesOptions extends Partial<CodeLimits> {
  /** Only `test`: three problems are for looking at, not for training. Defaults to `test`. */
  split?: Split
  /** Takes the first ones only. Defaults to all three. */
  limit?: number
  /** The system message of a chat, for all three; null for none. Defaults to one for each that says how to mark its answer. */
  systemPrompt?: string | null
  /** Form of the answers; one that has no room for a program stands for `code` there. Defaults to `gsm8k`. */
  reasoningFormat?: AnswerForm
}

/** A problem with what a solution of it consists of. */
interface Example {
  readonly name: string
  readonly question: string
  readonly answer: string
  readonly steps: string
  /** Opens the system message. */
  readonly instruction: string
  readonly answerHint: string
  readonly difficulty: number
}

const apples: Example = {
  name: 'apples',
  question: 'Sarah has 3 times as many apples as Tom. Together they have 24 apples. How many does Sarah have?',
  answer: '18',
  steps: 'Let Tom have x apples. Then Sarah has 3x apples.\nx + 3x = 24, so 4x = 24 and x = 24 / 4 = 6.\n3 * 6 = 18',
  instruction: 'Solve the problem.',
  answerHint: 'number',
  difficulty: 1,
}

const roses: Example = {
  name: 'roses',
  question: 'If all roses are flowers and some flowers fade quickly, can we conclude that some roses fade quickly?',
  answer: 'no',
  steps:
    'All roses are flowers.\nSome flowers fade quickly, but these may all be other flowers than roses.\nSo it does not follow.',
  instruction: 'Decide whether the conclusion follows from the premises.',
  answerHint: 'yes or no',
  difficulty: 2,
}

const palindrome: Example = {
  name: 'palindrome',
  question:
    'Write a function to find the longest palindromic substring. Write it in JavaScript, as longestPalindrome(s), which takes a ' +
    'string and returns a string.',
  answer: `function longestPalindrome(s) {
  let longest = ''
  for (let center = 0; center < s.length; center++) {
    // A palindrome has one character in the middle, or two.
    for (const width of [1, 2]) {
      let [start, end] = [center, center + width]
      if (s[start] !== s[end - 1]) continue
      while (start > 0 && end < s.length && s[start - 1] === s[end]) [start, end] = [start - 1, end + 1]
      if (end <= s.length && end - start > longest.length) longest = s.slice(start, end)
    }
  }
  return longest
}`,
  steps:
    'Every palindrome has a center. Around each of the 2n - 1 centers it grows as long as both ends agree; the longest is kept.\n' +
    'This takes O(n²) time.',
  instruction: 'Write the function that is asked for.',
  answerHint: 'whole function',
  difficulty: 3,
}

/** Strings with the length of their longest palindromes, of which any is right. */
const palindromeLengths = [
  ['', 0],
  ['a', 1],
  ['ac', 1],
  ['bb', 2],
  ['babad', 3],
  ['cbbd', 2],
  ['abcda', 1],
  ['abcba', 5],
  ['aaaa', 4],
  ['xabba', 4],
  ['abbax', 4],
  ['forgeeksskeegfor', 10],
  ['a1b2b1a', 7],
  [`${'ab'.repeat(60)}c${'ba'.repeat(60)}d`, 241],
] as const

const palindromeTests = `for (const [s, length] of ${JSON.stringify(palindromeLengths)}) {
  const found = longestPalindrome(s)
  if (typeof found !== 'string') throw new Error(\`longestPalindrome('\${s}') is \${found}, expected a string\`)
  const isRight = found.length === length && s.includes(found) && [...found].reverse().join('') === found
  if (!isRight) throw new Error(\`longestPalindrome('\${s}') is '\${found}', expected a palindrome of length \${length}\`)
}`

/**
 * Three problems to see what training did: apples (a word problem), roses (a deduction), and the longest palindromic substring
 * (a program in JavaScript, graded by tests that it is not shown). A model needs some hundreds of millions of parameters to have
 * a chance. Each problem has a system message of its own. They are a test set.
 *
 * Throws a {@link ConfigError} for the split `train`, and for a limit below 1.
 */
export function workedExamples(options: WorkedExamplesOptions = {}): Task {
  const { split = 'test', limit = 3, systemPrompt, reasoningFormat = 'gsm8k', timeLimit, memoryLimit } = options
  checkCount('limit', limit, 1)
  if (split !== 'test') {
    throw new ConfigError(
      'worked-examples is a test set of three problems; take split test, and train on another task, such as arithmetic',
    )
  }
  const problemOf = (
    example: Example,
    answerForm: AnswerForm,
    grader: Grader,
    columns?: Problem['columns'],
  ): Problem => {
    const { name, question, answer, steps, instruction, answerHint, difficulty } = example
    const rules = answerFormRules[answerForm]
    const written = columns && answerForm !== 'bare' ? `\`\`\`javascript\n${answer}\n\`\`\`` : answer
    const system = { role: 'system', content: `${instruction} ${rules.instruction(answerHint)}` } as const
    return {
      id: `worked-examples/${name}`,
      question,
      answer,
      solution: rules.write(steps, written),
      difficulty,
      answerForm,
      grader,
      ...(systemPrompt === undefined && { messages: [system, { role: 'user', content: question }] }),
      ...(columns && { columns }),
    }
  }
  const program = { language: 'javascript', prompt: '', tests: palindromeTests, entry_point: 'longestPalindrome' }
  return {
    name: 'worked-examples',
    problems: [
      problemOf(apples, reasoningFormat, grade),
      problemOf(roses, reasoningFormat, choiceGrader(yesOrNo)),
      problemOf(
        palindrome,
        codeForm(reasoningFormat),
        codeGrader({
          ...(timeLimit !== undefined && { timeLimit }),
          ...(memoryLimit !== undefined && { memoryLimit }),
        }),
        program,
      ),
    ].slice(0, limit),
    systemPrompt: systemPrompt ?? null,
    prompt: (problem, tokenizer) => questionPrompt(problem, [], systemPrompt ?? null, tokenizer),
  }
}
