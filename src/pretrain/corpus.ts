import { crc32 } from 'node:zlib'
import { packGroups } from '../engine/cpu/packedBatch.js'
import type { PackedGroups, PromptGroup } from '../engine/cpu/packedBatch.js'
import { Draw } from '../tasks/generators/wordProblems/draw.js'
import { calculate, drawFactors } from '../tasks/generators/wordProblems/story.js'
import type { Calculation, Story } from '../tasks/generators/wordProblems/story.js'
import { drawWordProblem, formatCalculation, isHeldOut } from '../tasks/generators/wordProblems/wordProblems.js'
import type { Tokenizer } from '../text/tokenizer.js'
import { answerStyles, writeAnswer } from './answers.js'
import type { AnswerStyle, SlipRates } from './answers.js'
import type { PretrainConfig } from './config.js'
import { drawVariedStory } from './stories/variedStory.js'
import type { VariedStorySize, WordingPart } from './stories/variedStory.js'
import { drawOrdering, drawSmallProgram, writeExercise } from './exercises.js'
import type { Exercise } from './exercises.js'
import { END_TOKEN_ID } from './tokenizerFiles.js'

type CorpusOptions = Pick<
  PretrainConfig,
  | 'styles'
  | 'decayStyles'
  | 'slipRates'
  | 'decaySlipRates'
  | 'answersPerProblem'
  | 'variedShare'
  | 'exerciseShare'
  | 'drillShare'
  | 'questionShare'
  | 'tokensPerStep'
  | 'maxSteps'
  | 'decaySteps'
  | 'seed'
>

/** Share of the drills that are single questions; one takes far fewer tokens than a sheet. */
const QUESTION_DRILLS = 0.8
/** Calculations of one sheet. */
const DRILL_LENGTH = 12
/** Sums and products of drills: those of the problems and somewhat more. */
const DRILL_SIZE = { largestSum: 100, largestProduct: 81 }
/** Numbers and lengths of the stories in many wordings: those of task word-problems, and beyond. */
const LENGTHS = { 1: 0.25, 2: 0.3, 3: 0.25, 4: 0.2 }
const SMALL_STORIES: VariedStorySize = { largestSum: 40, largestProduct: 60, lengths: LENGTHS }
const LARGE_STORIES: VariedStorySize = { largestSum: 100, largestProduct: 81, lengths: LENGTHS }
const LARGE_SHARE = 0.35
/** Seed of the texts that the tokenizer is made for: of its own, so that every corpus has the same tokens. */
const VOCABULARY_SEED = 1
const VOCABULARY_PROBLEMS = 4000

/** A prompt and its completions, of whose tokens some are learned. */
interface Example extends PromptGroup {
  readonly promptIds: readonly number[]
  readonly completions: readonly (readonly number[])[]
  /** For each token of each completion whether it is learned. */
  readonly learned: readonly (readonly boolean[])[]
}

/**
 * The generated texts of pre-training: word problems of the training split, answered in several styles, and drills. Each update's
 * batch depends on the seed and the update's number alone.
 */
export class PretrainCorpus {
  readonly #drillPrompt: readonly number[]

  constructor(
    private readonly tokenizer: Tokenizer,
    private readonly options: CorpusOptions,
  ) {
    this.#drillPrompt = tokenizer.encodeChat([{ role: 'user', content: 'Calculate.' }])
  }

  /** The batch of an update, numbered from 0: packed texts, the rows that predict what is learned, and what they should predict. */
  batch(step: number): Omit<PackedGroups, 'sharedLengths'> {
    const { seed, tokensPerStep, drillShare, exerciseShare } = this.options
    const draw = new Draw(crc32(`${seed}/${step}`))
    const examples: Example[] = []
    let tokens = 0
    let drillTokens = 0
    let exerciseTokens = 0
    while (tokens < tokensPerStep) {
      const isDrill = drillTokens < drillShare * tokens
      const isExercise = !isDrill && exerciseTokens < exerciseShare * tokens
      const example = isDrill ? this.#drill(draw) : this.#problem(draw, step, isExercise)
      const size = example.promptIds.length + example.completions.reduce((sum, { length }) => sum + length, 0)
      tokens += size
      if (isDrill) drillTokens += size
      if (isExercise) exerciseTokens += size
      examples.push(example)
    }
    // Without sharePrefixes, which would add the same gradients up in another order than the checkpoints here were made with.
    const { batch, rows, targets } = packGroups(examples)
    const learned = examples.flatMap((example) => example.learned.flat())
    return { batch, rows: rows.filter((_, i) => learned[i]), targets: targets.filter((_, i) => learned[i]) }
  }

  #problem(draw: Draw, step: number, isExercise: boolean): Example {
    const { options } = this
    const decays = step >= options.maxSteps - options.decaySteps
    const weights = (decays ? options.decayStyles : null) ?? options.styles
    const slipRates = (decays ? options.decaySlipRates : null) ?? options.slipRates
    const { question, write } = isExercise ? drawExercise(draw) : drawProblem(draw, options.variedShare)
    const prompt = this.tokenizer.encodeChat([{ role: 'user', content: question }])
    const answer = (): number[] => [...this.tokenizer.encode(write(draw.weighted(weights), slipRates)), END_TOKEN_ID]
    const whole = draw.chance(options.questionShare)
    const completions = whole
      ? [[...prompt.slice(1), ...answer()]]
      : Array.from({ length: options.answersPerProblem }, answer)
    return {
      promptIds: whole ? prompt.slice(0, 1) : prompt,
      completions,
      learned: completions.map((ids) => ids.map(() => true)),
    }
  }

  #drill(draw: Draw): Example {
    return draw.chance(QUESTION_DRILLS) ? this.#questionDrill(draw) : this.#sheetDrill(draw)
  }

  /** A bare question of one calculation, or two, answered by the number alone. */
  #questionDrill(draw: Draw): Example {
    const first = drawCalculation(draw)
    const { left, operator, right, result } = first
    const second = draw.chance(0.5) ? drawSecondCalculation(draw, result) : null
    const rest = second ? ` ${second.operator} ${second.right}` : ''
    const question = `What is ${left} ${operator} ${right}${rest}?`
    const ids = [...this.tokenizer.encode(`#### ${(second ?? first).result}`), END_TOKEN_ID]
    return {
      promptIds: this.tokenizer.encodeChat([{ role: 'user', content: question }]),
      completions: [ids],
      learned: [ids.map(() => true)],
    }
  }

  /** Calculations one after another, of which the results are learned. */
  #sheetDrill(draw: Draw): Example {
    const ids: number[] = []
    const learned: boolean[] = []
    const add = (text: string, isLearned: boolean): void => {
      for (const id of this.tokenizer.encode(text)) {
        ids.push(id)
        learned.push(isLearned)
      }
    }
    const start = draw.chance(0.5) ? 'Check: ' : ''
    for (let i = 0; i < DRILL_LENGTH; i++) {
      const [before, after] = formatCalculation(drawCalculation(draw)).split('=') as [string, string]
      add(`${start}${before}=`, false)
      add(`${after}.`, true)
      add('\n', false)
    }
    return { promptIds: this.#drillPrompt, completions: [ids], learned: [learned] }
  }
}

/** A question, and what somebody writes who answers it in a style. */
interface Question {
  readonly question: string
  readonly write: (style: AnswerStyle, slipRates: SlipRates) => string
}

/** A word problem of the training split, in one of many wordings or in those of task word-problems. */
function drawProblem(draw: Draw, variedShare: number): Question {
  const { text, calculations } = draw.chance(variedShare) ? drawVariedProblem(draw, 'corpus') : drawUsualProblem(draw)
  return { question: text, write: (style, slipRates) => writeAnswer(draw, calculations, style, slipRates) }
}

function drawUsualProblem(draw: Draw): Story {
  const { question, calculations } = drawWordProblem(draw, 'standard', 'train')
  return { text: question, calculations }
}

/** A deduction or a program of the training split. */
function drawExercise(draw: Draw): Question {
  const exercise: Exercise = draw.chance(0.5) ? drawOrdering(draw, 'train') : drawSmallProgram(draw, 'train')
  return {
    question: exercise.question,
    write: (style, slipRates) => writeExercise(draw, exercise, style, slipRates),
  }
}

/** A problem of the training split in one of many wordings: of the corpus, or of those that it leaves out. */
export function drawVariedProblem(draw: Draw, part: WordingPart): Story {
  for (;;) {
    const story = drawVariedStory(draw, draw.chance(LARGE_SHARE) ? LARGE_STORIES : SMALL_STORIES, part)
    if (!isHeldOut(story.calculations)) return story
  }
}

function drawCalculation(draw: Draw): Calculation {
  const { largestSum } = DRILL_SIZE
  switch (draw.weighted({ '+': 0.35, '-': 0.3, '*': 0.2, '/': 0.15 })) {
    case '+': {
      const sum = draw.int(2, draw.chance(0.5) ? 40 : largestSum)
      const left = draw.int(1, sum - 1)
      return calculate(left, '+', sum - left)
    }
    case '-': {
      const left = draw.int(2, draw.chance(0.5) ? 40 : largestSum)
      return calculate(left, '-', draw.int(1, left - 1))
    }
    case '*':
      return calculate(...withOperator('*', drawFactors(draw, DRILL_SIZE)))
    case '/': {
      const [divisor, quotient] = drawFactors(draw, DRILL_SIZE)
      return calculate(divisor * quotient, '/', divisor)
    }
  }
}

/** A sum or difference that goes on from a result. */
function drawSecondCalculation(draw: Draw, left: number): Calculation {
  const adds = left < 2 || (left < DRILL_SIZE.largestSum && draw.chance(0.5))
  return adds
    ? calculate(left, '+', draw.int(1, Math.max(1, DRILL_SIZE.largestSum - left)))
    : calculate(left, '-', draw.int(1, left - 1))
}

function withOperator(
  operator: Calculation['operator'],
  [left, right]: readonly [number, number],
): [number, Calculation['operator'], number] {
  return [left, operator, right]
}

/** The texts that the tokenizer is made for. */
export function* vocabularyTexts({
  slipRates,
  variedShare,
  exerciseShare,
}: Pick<PretrainConfig, 'slipRates' | 'variedShare' | 'exerciseShare'>): Generator<string> {
  const draw = new Draw(VOCABULARY_SEED)
  for (let i = 0; i < VOCABULARY_PROBLEMS; i++) {
    const { question, write } = draw.chance(exerciseShare) ? drawExercise(draw) : drawProblem(draw, variedShare)
    yield question
    for (const style of answerStyles) yield write(style, slipRates)
  }
  // So that these words have tokens.
  yield 'Calculate. Calculate. What is What is'
}
