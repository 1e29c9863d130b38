import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import type { Browser } from 'playwright-core'
import { subjectOf } from '../../bench/quickstart/subject.js'
import { runOptions } from '../../src/cli/quickstart/settings.js'
import { atomicWriteFile } from '../../src/io/atomicWrite.js'
import { runLayout } from '../../src/run/layout.js'
import type { AccuracyCurve } from './curve/accuracyCurve.js'
import { readAccuracyCurve } from './curve/accuracyCurve.js'
import { watchRun } from './watchedRun.js'
import { readRecording, recordTerminal } from './terminal/recording.js'
import type { Recording } from './terminal/recording.js'
import { main, root } from './places.js'

/** The terminal that `npm start` is recorded in: its results, the table and two answers, fit in. */
const COLUMNS = 84
const ROWS = 33

/** What pictures are made of: each thing is made when the first picture needs it, and then kept. */
export interface Workshop {
  /** Chromium, started when it is first asked for. */
  browser(): Promise<Browser>
  /** The folder of recordings and of runs other than that of `npm start`. */
  readonly folder: string
  /** `npm start` in a terminal; leaves its run in {@link quickstart}. */
  start(): Promise<Recording>
  /** The folder of the run of `npm start`. */
  quickstart(): Promise<string>
  /** The curve of that run. */
  recorded(): Promise<AccuracyCurve>
  /** Curves of `npm start`: of every seed that `npm run bench:quickstart` has left, or of the recorded run alone. */
  seeds(): Promise<readonly AccuracyCurve[]>
  /** The same trainings with random rewards: those of `npm run bench:quickstart`, or one. */
  placebos(): Promise<readonly AccuracyCurve[]>
  /** The live report of a training under way, in both themes. */
  watched(): Promise<Readonly<Record<'light' | 'dark', Buffer>>>
  /** A command of grpo-ts in a terminal, as a user types it behind `npx`. */
  command(name: string, args: string, options?: { exitCodes?: readonly number[] }): Promise<Recording>
}

/**
 * @param isFresh whether a picture is to be made of things that are made anew; those of other pictures are taken as they are there
 * @param benchmark the folder that `npm run bench:quickstart` wrote
 */
export function openWorkshop(
  browser: () => Promise<Browser>,
  { folder, benchmark, isFresh }: { folder: string; benchmark: string; isFresh: (picture: string) => boolean },
): Workshop {
  const quickstartFolder = path.join(root, 'runs/quickstart')
  const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
    let made: Promise<T> | null = null
    return () => (made ??= make())
  }
  const start = once(async () => {
    const file = path.join(folder, 'start.cast')
    if (!isFresh('start') && fs.existsSync(runLayout(quickstartFolder).report)) return readRecording(file)
    // A run that was interrupted would be gone on with, and another run would be shown than the recorded one.
    fs.rmSync(file, { force: true })
    fs.rmSync(quickstartFolder, { recursive: true, force: true })
    return recordTerminal(file, 'npm start', { columns: COLUMNS, rows: ROWS, cwd: root })
  })
  const quickstart = once(async () => {
    await start()
    return quickstartFolder
  })
  const recorded = once(async () => readAccuracyCurve(await quickstart()))
  /** Runs of the benchmark with the model, the options and the problems of now, that have come to their end. */
  const benchmarked = async (kind: 'seed' | 'placebo'): Promise<string[]> => {
    const { checksum } = await subjectOf(runOptions.model)
    const runs = path.join(benchmark, checksum)
    if (!fs.existsSync(runs)) return []
    return fs
      .readdirSync(runs)
      .filter((name) => name.startsWith(`${kind}-`))
      .map((name) => path.join(runs, name))
      .filter((run) => fs.existsSync(runLayout(run).summary))
  }
  const commands = new Map<string, Promise<Recording>>()
  return {
    browser,
    folder,
    start,
    quickstart,
    recorded,
    seeds: once(async () => {
      const folders = await benchmarked('seed')
      return folders.length === 0 ? [await recorded()] : Promise.all(folders.map(readAccuracyCurve))
    }),
    placebos: once(async () => {
      const known = await benchmarked('placebo')
      if (known.length > 0) return Promise.all(known.map(readAccuracyCurve))
      const output = path.join(folder, 'placebo')
      if (isFresh('learning-curve')) await run(['quickstart', '--placebo', '--output-dir', output])
      return [await readAccuracyCurve(output)]
    }),
    watched: once(async () => {
      const fileOf = (theme: string): string => path.join(folder, `watched-${theme}.png`)
      if (!isFresh('report-live'))
        return { light: fs.readFileSync(fileOf('light')), dark: fs.readFileSync(fileOf('dark')) }
      const pictures = await watchRun(await browser(), path.join(folder, 'watched/quickstart'))
      for (const [theme, picture] of Object.entries(pictures)) atomicWriteFile(fileOf(theme), picture)
      return pictures
    }),
    command(name, words, options = {}) {
      const args = words.split(' ')
      const file = path.join(folder, `${name}.cast`)
      const typed = ['npx', 'grpo-ts', ...args.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg}'`))].join(
        ' ',
      )
      const made =
        commands.get(name) ??
        (!isFresh(name) && fs.existsSync(file)
          ? Promise.resolve(readRecording(file))
          : recordTerminal(file, typed, {
              columns: 100,
              rows: 60,
              cwd: root,
              run: [process.execPath, main, ...args].map((arg) => `'${arg}'`).join(' '),
              ...options,
            }))
      commands.set(name, made)
      return made
    },
  }
}

/** Runs a command of grpo-ts with its output on ours. */
async function run(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [main, ...args], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  const exitCode = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  if (exitCode !== 0) throw new Error(`grpo-ts ${args.join(' ')} ended with ${exitCode ?? 'a signal'}`)
}
