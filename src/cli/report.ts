import type { Command } from 'commander'
import { writeReport } from '../report/writeReport.js'
import type { Streams } from './commandLine.js'

export function addReportCommand(program: Command, streams: Streams): void {
  program
    .command('report')
    .summary('show a run as a page of charts and completions')
    .description(
      'Writes report.html of a run: one file that needs no network. It shows the options, before and after, charts, the ' +
        'diagnosis, and every completion with its rewards.',
    )
    .argument('<run>', 'folder of the run, such as runs/quickstart')
    .option('-o, --output <file>', 'where to write the page (default: report.html in the folder of the run)')
    .action((run: string, { output }: { output?: string }) => {
      streams.stdout.write(`report   ${writeReport(run, output)}\n`)
    })
}
