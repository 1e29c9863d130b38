import { preflight } from '../../grpo/preflight/preflight.js'
import type { PreflightOptions, PreflightReport } from '../../grpo/preflight/preflight.js'
import { onInterruption } from '../terminal/interruptible.js'
import type { Streams } from '../terminal/streams.js'
import { duration } from '../../io/units.js'
import { Progress } from '../terminal/progress.js'

/** Runs the preflight with a bar on a terminal, and prints its checks: all of them, or only what is to be changed. */
export async function runPreflight(
  options: PreflightOptions & { signal: AbortSignal },
  { all }: { all: boolean },
  streams: Streams,
): Promise<PreflightReport> {
  const seconds = options.maxSeconds ?? 60
  streams.stdout.write(`preflight up to 80 completions of 20 problems, in ${seconds} s at most\n`)
  const bar = new Progress(streams.stdout, 100, '% of the preflight')
  let report: PreflightReport
  let isRunning = true
  onInterruption(options.signal, (interrupted) => {
    if (isRunning)
      bar.log(`${interrupted}: ending after what is being computed or compiled; Ctrl-C again stops at once`)
  })
  try {
    const onProgress: PreflightOptions['onProgress'] = ({ completions, of, tokens }) => {
      bar.update(Math.floor((100 * completions) / of), `${completions} of ${of} completions, ${tokens} tokens`)
    }
    ;({ report } = await preflight({ ...options, onProgress }))
  } finally {
    isRunning = false
    bar.stop()
  }
  for (const { name, status, message, advice } of report.checks) {
    if (!all && status === 'ok' && name !== 'time') continue
    const title = `${status.padEnd(9)}${name.replaceAll('_', ' ')}: `
    streams.stdout.write(`${title}${message}${advice === null ? '' : `. Try: ${advice}`}\n`)
  }
  const problems = report.checks.filter(({ status }) => status === 'problem').length
  const verdict = report.go ? 'go' : `not yet: ${problems} problem${problems === 1 ? '' : 's'} to solve first`
  streams.stdout.write(`preflight ${verdict} (${duration(report.seconds)})\n`)
  return report
}
