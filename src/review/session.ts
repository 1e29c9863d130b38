import fs from 'node:fs'
import os from 'node:os'
import { ConfigError, DataError } from '../errors.js'
import { latestReviews } from '../eval/review/judgements.js'
import { leftSide, reviewPairs } from '../eval/review/pairs.js'
import type { ReviewOptions, ReviewPair, ReviewPairs } from '../eval/review/pairs.js'
import { checkRunIsFolder } from '../eval/review/readResults.js'
import { asWriteError } from '../io/atomicWrite.js'
import { quote } from '../io/json.js'
import { visibleText } from '../io/visibleText.js'
import { readEvaluation } from '../run/evaluationFile.js'
import { runLayout } from '../run/layout.js'
import { appendReview, LONGEST_REVIEWER, tailReviews } from '../run/reviewsFile.js'
import type { ReviewLine, ReviewVerdict } from '../run/reviewsFile.js'
import type { RecordTail } from '../run/recordTail.js'

/** Who reviews, and what. */
export interface ReviewSessionOptions extends ReviewOptions {
  /** Name of who gives the verdicts. Defaults to the name of the user of this machine. */
  readonly reviewer?: string | undefined
  /** Asks about the first pairs of the order only. Defaults to all. */
  readonly limit?: number | undefined
}

/** Two completions of a problem as a reviewer sees them: nothing tells which model gave which. */
export interface BlindPair {
  /** Number of the pair in the order of the session, from 1. */
  readonly number: number
  readonly question: string
  readonly answer: string
  readonly left: BlindCompletion
  readonly right: BlindCompletion
}

/** Texts are as {@link visibleText} makes them. */
export interface BlindCompletion {
  readonly text: string
  /** Whether it was cut off at the longest length of a completion. */
  readonly isCut: boolean
}

/** How far a reviewer is. */
export interface ReviewProgress {
  /** Pairs with a verdict, and pairs that are asked about. */
  readonly given: number
  readonly total: number
}

/**
 * One person's review of a run: asks about pairs of completions of its eval.json without saying which model gave which, and keeps every
 * verdict in reviews.jsonl at once. Several sessions may go on at the same time, also of the same person.
 */
export class ReviewSession {
  readonly folder: string
  readonly reviewer: string
  readonly drawn: ReviewPairs
  readonly #seed: number
  readonly #pairs: readonly ReviewPair[]
  readonly #evaluationFile: string
  readonly #evaluationVersion: string
  /** Of this reviewer, also those of other sessions. */
  #lines: ReviewLine[] = []
  #tail: RecordTail<ReviewLine>
  /** Numbers of the pairs of this session in the order of their verdicts. */
  readonly #given: number[] = []

  /**
   * @throws DataError where there is no such folder or nothing to choose from, FileFormatError for an eval.json that is missing or
   * damaged, ConfigError for options
   */
  constructor(folder: string, options: ReviewSessionOptions = {}) {
    const { seed = 0, limit = Infinity } = options
    if (!(limit >= 1)) throw new ConfigError(`limit is ${limit}; expected at least 1`)
    this.reviewer = checkReviewer(options.reviewer ?? userName())
    this.folder = checkFolder(folder)
    this.#seed = seed
    this.#evaluationFile = runLayout(folder).evaluation
    const evaluation = readEvaluation(this.#evaluationFile)
    this.#evaluationVersion = versionOf(this.#evaluationFile)
    this.drawn = reviewPairs(evaluation, options)
    this.#pairs = this.drawn.pairs.slice(0, limit)
    this.#tail = tailReviews(folder)
    if (this.#pairs.length > 0) return
    throw new DataError(
      `${this.#evaluationFile}: both models gave the same ${this.drawn.decoding} completion to all ${this.drawn.identical} problems; there is nothing to choose`,
    )
  }

  get progress(): ReviewProgress {
    const given = this.#judged()
    return { given: this.#pairs.filter(({ pair }) => given.has(pair)).length, total: this.#pairs.length }
  }

  /** Whether there is a verdict of this session to take back. */
  get canUndo(): boolean {
    return this.#given.length > 0
  }

  /** The first pair that this reviewer has not judged yet; null when there is none left. */
  next(): BlindPair | null {
    const given = this.#judged()
    const index = this.#pairs.findIndex(({ pair }) => !given.has(pair))
    return index < 0 ? null : this.#blind(index)
  }

  /** Keeps a verdict on a pair that was shown; it takes the place of an earlier one. Throws a GrpoError when it cannot be written. */
  async give(number: number, verdict: ReviewVerdict, { answerShown = false } = {}): Promise<void> {
    await this.#append(number, verdict, answerShown)
    this.#given.push(number)
  }

  /** Takes the last verdict of this session back; returns its pair, null when there is none. */
  async undo(): Promise<BlindPair | null> {
    const number = this.#given.at(-1)
    if (number === undefined) return null
    await this.#append(number, null, false)
    this.#given.splice(0, Infinity, ...this.#given.filter((other) => other !== number))
    return this.#blind(number - 1)
  }

  async #append(number: number, verdict: ReviewVerdict | null, answerShown: boolean): Promise<void> {
    const pair = this.#pairs[number - 1]
    if (!pair) throw new ConfigError(`there is no pair ${quote(number)}; expected 1 to ${this.#pairs.length}`)
    if (versionOf(this.#evaluationFile) !== this.#evaluationVersion) {
      throw new DataError(
        `${this.#evaluationFile} was made again since this review began, so this verdict is on answers that may be gone; start the review again`,
      )
    }
    const { problem, decoding, sample, pair: key } = pair
    await appendReview(this.folder, {
      time: new Date().toISOString(),
      reviewer: this.reviewer,
      problem: problem.id,
      decoding,
      sample,
      pair: key,
      left: leftSide(this.#seed, this.reviewer, pair),
      verdict,
      answer_shown: answerShown,
    })
  }

  /** The pairs that this reviewer has judged. */
  #judged(): ReadonlySet<string> {
    if (this.#tail.isReplaced) {
      this.#tail = tailReviews(this.folder)
      this.#lines = []
    }
    this.#tail.read((line) => {
      if (line.reviewer === this.reviewer) this.#lines.push(line)
    })
    return new Set(latestReviews(this.#lines).map(({ pair }) => pair))
  }

  #blind(index: number): BlindPair {
    const pair = this.#pairs[index]!
    const base = { text: visibleText(pair.base.text), isCut: pair.base.finishReason === 'length' }
    const trained = { text: visibleText(pair.trained.text), isCut: pair.trained.finishReason === 'length' }
    const isBaseLeft = leftSide(this.#seed, this.reviewer, pair) === 'base'
    return {
      number: index + 1,
      question: visibleText(pair.problem.question),
      answer: visibleText(pair.problem.answer),
      left: isBaseLeft ? base : trained,
      right: isBaseLeft ? trained : base,
    }
  }
}

/** Throws a DataError where there is no such folder, a GrpoError where verdicts could not be written there. */
function checkFolder(folder: string): string {
  checkRunIsFolder(folder)
  try {
    fs.accessSync(folder, fs.constants.W_OK)
  } catch (error) {
    throw asWriteError(runLayout(folder).reviews, error)
  }
  return folder
}

/** Another text for a file that was replaced. */
function versionOf(file: string): string {
  const status = fs.statSync(file, { throwIfNoEntry: false })
  return status ? `${status.ino} ${status.size} ${status.mtimeMs}` : ''
}

function userName(): string {
  try {
    return os.userInfo().username.replaceAll(/\p{C}/gu, '') || 'anonymous'
  } catch {
    // A container may run as a user without a name.
    return 'anonymous'
  }
}

function checkReviewer(name: string): string {
  if (name.trim() === name && name !== '' && name.length <= LONGEST_REVIEWER && !/\p{C}/u.test(name)) return name
  throw new ConfigError(
    `reviewer is ${quote(name)}; expected a name of 1 to ${LONGEST_REVIEWER} characters, without control characters and blanks around it`,
  )
}
