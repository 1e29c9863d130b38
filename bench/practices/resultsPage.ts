import { mean } from '../../src/grpo/metrics/statistics.js'
import { drawCurves } from '../recipes/curves.js'
import { common, experiments, PROBLEMS } from './experiments.js'
import type { Experiment, Variant } from './experiments.js'
import type { PracticeRun } from './practiceRun.js'
import type { PracticeResults } from './results.js'

/** Steps over which the curves are averaged: a batch holds few problems, so single steps jump. */
const SMOOTH = 5

const place = (name: string): RegExp => new RegExp(`<!-- measured: ${name} -->\\n[^]*?<!-- end -->`)

/** The page with the tables of all experiments that have runs. Throws where it has no place for one of them. */
export function withTables(page: string, results: PracticeResults): string {
  return experiments.reduce((text, experiment) => {
    const table = tableOf(experiment, results)
    if (table === null) return text
    if (!place(experiment.name).test(text)) {
      throw new Error(`the page has no <!-- measured: ${experiment.name} --> … <!-- end -->`)
    }
    return text.replace(
      place(experiment.name),
      () =>
        `<!-- measured: ${experiment.name} -->\n\n${table}\n\n![Right answers in the batch, by step](practices/${experiment.name}.svg)\n\n<!-- end -->`,
    )
  }, page)
}

/** A row for each variant that was run, the model before training first; null where none was. */
function tableOf({ name, heading, variants }: Experiment, results: PracticeResults): string | null {
  const rows = variants.flatMap((variant) => {
    const runs = runsOf(variant, results)
    return runs.length === 0 ? [] : [row([labelOf(name, variant), ...cellsOf(runs)])]
  })
  if (rows.length === 0) return null
  const { greedy, sampled, unseenWording, steps, calculations, tokens } = results.base
  const base = [
    'before training',
    percents([sampled]),
    percents([greedy]),
    percents([unseenWording]),
    '',
    steps.toFixed(1),
    share(calculations),
    tokens.toFixed(0),
    '',
    '',
    '',
  ]
  return [
    row([
      heading,
      'right, sampled',
      'right, greedily',
      'wordings never seen',
      'on trained problems',
      'steps',
      'calculations right',
      'tokens an answer',
      'usable groups',
      'tokens sampled',
      'the diagnosis said',
    ]),
    row(['---', ...Array.from({ length: 9 }, () => '---:'), '---']),
    row(base),
    ...rows,
  ].join('\n')
}

function cellsOf(runs: readonly PracticeRun[]): string[] {
  const calculations = runs.flatMap(({ heldOut }) => heldOut.calculations ?? [])
  return [
    percents(runs.map(({ heldOut }) => heldOut.sampled)),
    percents(runs.map(({ heldOut }) => heldOut.greedy)),
    percents(runs.map(({ heldOut }) => heldOut.unseenWording)),
    percents(runs.map(({ trainedOn }) => trainedOn)),
    mean(runs.map(({ heldOut }) => heldOut.steps)).toFixed(1),
    share(calculations.length === 0 ? null : mean(calculations)),
    mean(runs.map(({ heldOut }) => heldOut.tokens)).toFixed(0),
    share(mean(runs.map(({ usableGroups }) => usableGroups))),
    `${(mean(runs.map(({ sampledTokens }) => sampledTokens)) / 1000).toFixed(0)} k`,
    [...new Set(runs.flatMap(({ findings }) => findings))].map((finding) => `\`${finding}\``).join(', '),
  ]
}

/** Right answers in the batch of each step, mean over the seeds, as a picture; null where nothing was run. */
export function curvesOf({ name, variants }: Experiment, results: PracticeResults): string | null {
  const curves = variants.flatMap((variant) => {
    const runs = runsOf(variant, results)
    if (runs.length === 0) return []
    const steps = Array.from({ length: results.steps }, (_, step) => mean(runs.map(({ curve }) => curve[step] ?? 0)))
    const smooth = steps.map((_, step) => mean(steps.slice(Math.max(0, step - SMOOTH + 1), step + 1)))
    return [{ name: labelOf(name, variant), values: smooth }]
  })
  return curves.length === 0
    ? null
    : drawCurves(`right answers in the batch, mean of ${SMOOTH} steps and of all seeds`, curves)
}

function runsOf({ name }: Variant, { runs }: PracticeResults): PracticeRun[] {
  return runs.filter((run) => run.name === name).toSorted((a, b) => a.seed - b.seed)
}

/** What a variant is called in a table of an experiment: the value of what differs. */
export function labelOf(experiment: string, { config = {}, rewards = ['correctness'], problems }: Variant): string {
  const options = { ...common, ...config }
  switch (experiment) {
    case 'group-size':
      return `${options.perDeviceTrainBatchSize! / options.numGenerations!} × ${options.numGenerations!}`
    case 'temperature':
      return String(options.temperature)
    case 'learning-rate':
    case 'all-weights':
      return options.learningRate!.toExponential()
    case 'problems':
      return (problems ?? PROBLEMS).toLocaleString('en')
    default:
      return rewards.join(' + ')
  }
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const share = (value: number | null): string => (value === null ? '–' : `${(100 * value).toFixed(0)} %`)
/** `45.0, 47.3 %`: one for each seed */
const percents = (shares: readonly number[]): string =>
  `${shares.map((value) => (100 * value).toFixed(1)).join(', ')} %`
