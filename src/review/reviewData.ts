import type { ReviewVerdict } from '../run/reviewsFile.js'
import type { BlindPair, ReviewProgress } from './session.js'

/** What the page asks for: `next`, and after a verdict (`give`) or a step back (`undo`). */
export interface ReviewState extends ReviewProgress {
  /** The pair to choose from; null when all are judged. */
  readonly pair: BlindPair | null
  /** Whether there is a verdict of this session to take back. */
  readonly canUndo: boolean
}

/** A verdict as the page sends it. */
export interface GivenVerdict {
  readonly number: number
  readonly verdict: ReviewVerdict
  readonly answerShown: boolean
}

/** What stands in the page when it is opened. */
export interface ReviewPageData {
  readonly token: string
  readonly name: string
  readonly reviewer: string
}
