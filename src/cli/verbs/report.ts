import type { Command } from 'commander'
import { ConfigError } from '../../errors.js'
import { statisticsReady } from '../../eval/statistics/distributions.js'
import { serveReport } from '../../report/serveReport.js'
import { writeReport } from '../../report/writeReport.js'
import type { Streams } from '../terminal/streams.js'
import { Interrupted } from '../terminal/exitCode.js'
import { interruptible } from '../terminal/interruptible.js'
import { untilAborted } from '../../io/untilAborted.js'
import { runFileNames } from '../../run/fileNames.js'

interface ReportFlags {
  readonly output?: string
  readonly watch?: true
  readonly port?: string
}

export function addReportCommand(program: Command, streams: Streams): void {
  program
    .command('report')
    .summary('show a run as a page of charts and completions')
    .description(
      `Writes ${runFileNames.report} of a run: one file that needs no network. It shows the options, before and after, charts, the ` +
        'diagnosis, and every completion with its rewards. With --watch it serves the same page live while the run goes on.',
    )
    .argument('<run>', 'folder of the run, such as runs/quickstart')
    .option('-o, --output <file>', `where to write the page (default: ${runFileNames.report} in the folder of the run)`)
    .option(
      '--watch',
      'serve the page on 127.0.0.1, live, with buttons to pause, resume and stop the run; Ctrl-C ends it',
    )
    .option('--port <number>', 'port to serve on, with --watch (default: a free one)')
    .action(async (run: string, flags: ReportFlags) => {
      if (flags.watch) await watch(run, flags, streams)
      else await write(run, flags, streams)
    })
}

async function write(run: string, { output, port }: ReportFlags, streams: Streams): Promise<void> {
  if (port !== undefined) throw new ConfigError('--port is for --watch; without it the page is a file')
  await statisticsReady
  streams.stdout.write(`report   ${writeReport(run, output)}\n`)
}

async function watch(run: string, { output, port = '0' }: ReportFlags, streams: Streams): Promise<void> {
  if (output !== undefined)
    throw new ConfigError('--output and --watch exclude each other: write the file when the run is over')
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
    throw new ConfigError(`--port ${port}: expected a port number from 0 to 65535`)
  }
  const server = await serveReport(run, { port: Number(port) })
  streams.stdout.write(`report   ${server.url}\nCtrl-C ends the report, not the run.\n`)
  try {
    await interruptible((signal) => untilAborted(new Promise<never>(() => undefined), signal))
  } catch (error) {
    // Ctrl-C is how it is meant to end.
    if (!(error instanceof Interrupted && error.signal === 'SIGINT')) throw error
  } finally {
    await server.close()
  }
}
