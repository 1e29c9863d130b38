import path from 'node:path'
import { z } from 'zod'
import { readReviewResults } from '../eval/review/readResults.js'
import { refusal, servePage } from '../io/pageServer.js'
import type { PageAnswer, PageRequest } from '../io/pageServer.js'
import { reviewVerdicts } from '../run/reviewsFile.js'
import { renderReviewPage } from './html.js'
import type { GivenVerdict, ReviewState } from './reviewData.js'
import { ReviewSession } from './session.js'
import type { ReviewSessionOptions } from './session.js'

/** A review that is served as a page. */
export interface ReviewServer {
  /** Address of the page, with the token that it asks for. */
  readonly url: string
  /** Ends the server. */
  close(): Promise<void>
}

const givenSchema: z.ZodType<GivenVerdict> = z.object({
  number: z.int().positive(),
  verdict: z.enum(reviewVerdicts),
  answerShown: z.boolean(),
})

/**
 * Serves the review of a run as a page on 127.0.0.1: pairs of completions of its base and its trained model, without a word of which is
 * which. Every verdict goes to reviews.jsonl of the run at once. Whoever asks must know the token of the address.
 * @param options who reviews and what, and the port; 0, the default, takes a free one
 * @throws DataError where there is no such folder or nothing to choose from, FileFormatError for an eval.json that is missing or damaged,
 * ConfigError for options, GrpoError when the port is taken
 */
export async function serveReview(
  runFolder: string,
  { port = 0, ...options }: ReviewSessionOptions & { readonly port?: number } = {},
): Promise<ReviewServer> {
  return serveSession(new ReviewSession(runFolder, options), port)
}

/** The same of a session that was begun. */
export async function serveSession(session: ReviewSession, port: number): Promise<ReviewServer> {
  const { reviewer, folder } = session
  const name = path.basename(path.resolve(folder))
  const state = (pair = session.next()): ReviewState => ({ ...session.progress, pair, canUndo: session.canUndo })

  async function answer({ method, path: at, body }: PageRequest): Promise<PageAnswer | null> {
    if (method === 'GET' && at === '/next') return json(state())
    if (method === 'GET' && at === '/results') return json((await readReviewResults(folder)).summary)
    if (method === 'POST' && at === '/undo') return json(state((await session.undo()) ?? undefined))
    if (method !== 'POST' || at !== '/give') return null
    const given = givenSchema.safeParse(parse(body))
    if (!given.success || given.data.number > session.progress.total) {
      return refusal(400, 'expected a verdict: {"number": 1, "verdict": "left", "answerShown": false}')
    }
    const { number, verdict, answerShown } = given.data
    await session.give(number, verdict, { answerShown })
    return json(state())
  }

  return servePage({ page: (token) => renderReviewPage({ token, name, reviewer }), answer }, port)
}

function json(value: unknown): PageAnswer {
  return { status: 200, type: 'application/json', body: JSON.stringify(value) }
}

/** Undefined for what is not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
