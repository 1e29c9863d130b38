import type { Command } from 'commander'
import { z } from 'zod'
import { ConfigError } from '../../../errors.js'
import { option } from '../../../options/schema.js'
import { runFileNames } from '../../../run/fileNames.js'
import { decodings } from '../../../run/evaluation.js'
import { runLayout } from '../../../run/layout.js'
import { serveSession } from '../../../review/serveReview.js'
import { ReviewSession } from '../../../review/session.js'
import { untilAborted } from '../../../io/untilAborted.js'
import { Interrupted } from '../../terminal/exitCode.js'
import { interruptible } from '../../terminal/interruptible.js'
import { schemaFlags } from '../../terminal/schemaFlags.js'
import type { Flags } from '../../terminal/schemaFlags.js'
import type { Streams } from '../../terminal/streams.js'
import { describeReviewResults } from './reviewOutput.js'
import { reviewInTerminal } from './terminalReview.js'

const flags = schemaFlags({
  reviewer: z.string().optional().describe('Who gives the verdicts. Defaults to your name on this machine.'),
  limit: z
    .int()
    .positive()
    .optional()
    .describe('Asks about the first pairs only, in all sessions together. Defaults to all.'),
  decoding: z
    .enum(decodings)
    .optional()
    .describe('Which completions are compared. Defaults to greedy where the evaluation has them, else sampled.'),
  seed: option(z.int().nonnegative(), 0, 'Of the order of the pairs, the samples that are taken, and the sides.'),
  page: option(z.boolean(), false, 'Asks on a page at 127.0.0.1 instead of in the terminal; Ctrl-C ends it.'),
  port: z.int().nonnegative().max(65_535).optional().describe('Port of the page. Defaults to a free one.'),
  results: option(z.boolean(), false, 'Asks nothing, and prints what all reviewers have said so far.'),
})

export function addReviewCommand(program: Command, streams: Streams): void {
  const command = program
    .command('review')
    .summary('asks people, blind, which model reasons better')
    .description(
      'Shows pairs of answers of the base and the trained model to the same held-out problems, in random order and without saying which is ' +
        `which, and keeps which one you prefer in ${runFileNames.reviews} of the run. It ends with how often the trained model is preferred, with an ` +
        'interval, and how well people agree with automatic measures and with each other. The next call goes on where it stopped.',
    )
    .argument('<run>', `folder of a run with an ${runFileNames.evaluation}, such as runs/quickstart`)
  flags.addTo(command)
  command.action(async (run: string, given: Flags) => {
    const { page, port, results, ...options } = flags.parse('review', given)
    if (results) streams.stdout.write(await describeReviewResults(run))
    else if (page) await reviewOnPage(run, { ...options, port }, streams)
    else if (port !== undefined) throw new ConfigError('--port is for --page; without it the review is in the terminal')
    else await review(run, options, streams)
  })
}

type Options = Omit<ReturnType<typeof flags.parse>, 'page' | 'port' | 'results'>

async function review(run: string, options: Options, streams: Streams): Promise<void> {
  const session = new ReviewSession(run, options)
  streams.stdout.write(describeStart(session))
  try {
    await interruptible((signal) => reviewInTerminal(session, streams, signal))
  } catch (error) {
    if (error instanceof Interrupted) streams.stderr.write(`\n${describeKept(run, session)}`)
    throw error
  }
  streams.stdout.write(`\n${describeKept(run, session)}\n${await describeReviewResults(run)}`)
}

async function reviewOnPage(
  run: string,
  { port = 0, ...options }: Options & { readonly port: number | undefined },
  streams: Streams,
): Promise<void> {
  const session = new ReviewSession(run, options)
  const server = await serveSession(session, port)
  streams.stdout.write(
    `${describeStart(session)}review   ${server.url}\nCtrl-C ends the review; every verdict is kept at once.\n`,
  )
  try {
    await interruptible((signal) => untilAborted(new Promise<never>(() => undefined), signal))
  } catch (error) {
    // Ctrl-C is how it is meant to end.
    if (!(error instanceof Interrupted && error.signal === 'SIGINT')) throw error
  } finally {
    await server.close()
  }
  streams.stdout.write(`\n${describeKept(run, session)}\n${await describeReviewResults(run)}`)
}

function describeStart({ reviewer, drawn, progress: { given, total } }: ReviewSession): string {
  const { decoding, identical } = drawn
  const done = given === 0 ? '' : `, ${given} of them judged`
  const same = identical === 0 ? '' : `; to ${identical} other problems both models gave the same answer`
  return `reviewer ${reviewer}\npairs    ${total} of ${decoding} answers${done}${same}\n`
}

function describeKept(run: string, { progress: { given, total } }: ReviewSession): string {
  const more = given < total ? '; the same command goes on with the others' : ''
  return `${given} of ${total} pairs are judged${more}. ${runLayout(run).reviews} holds the verdicts.\n`
}
