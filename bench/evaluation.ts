/**
 * Checks the statistics of evaluations by simulation: how often nothing is taken for a difference, how often a difference of
 * known size is found beside what the power formula says, and how often intervals hold the true value.
 *
 *   npm run bench:eval
 *   npm run bench:eval -- --repetitions 5000 --seed 2
 *   npm run bench:eval -- --power     only the number of problems that a difference takes to be found
 *
 * Problems are drawn from a population in which some are nearly always solved, some now and then, and many hardly ever;
 * each is answered by a base and by a policy that gains the same part of what is missing on every problem.
 */
import { parseArgs } from 'node:util'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { formatTable, percent } from '../src/cli/terminal/table.js'
import {
  bootstrapIntervals,
  clusteredInterval,
  mcnemarPower,
  mcnemarTest,
  pairedInterval,
  passAtK,
  problemsNeeded,
  signFlipTest,
} from '../src/statistics.js'
import { statisticsReady } from '../src/eval/statistics/distributions.js'

await statisticsReady

const { values } = parseArgs({
  options: {
    repetitions: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    power: { type: 'boolean', default: false },
  },
})
const repetitions = Number(values.repetitions)
const random = xoroshiro128plus(Number(values.seed))
const uniform = (): number => uniformFloat64(random)
const RESAMPLES = 500

/** The population: shares of problems with their probability to be solved. */
const population = [
  { share: 0.2, probability: 0.95 },
  { share: 0.3, probability: 0.4 },
  { share: 0.5, probability: 0.03 },
]

/** What a policy solves after it has gained a part of what the base does not solve. */
const after = (probability: number, gain: number): number => probability + gain * (1 - probability)

/** The mean over the population of what depends on a problem's probability. */
const expected = (of: (probability: number) => number): number =>
  population.reduce((sum, { share, probability }) => sum + share * of(probability), 0)

function drawProbability(): number {
  let rest = uniform()
  for (const { share, probability } of population) {
    rest -= share
    if (rest < 0) return probability
  }
  return population.at(-1)!.probability
}

/** Right completions of each problem for base and policy. */
function drawCounts(problems: number, samples: number, gain: number): { base: number[]; policy: number[] } {
  const count = (probability: number): number =>
    Array.from({ length: samples }, uniform).filter((value) => value < probability).length
  const probabilities = Array.from({ length: problems }, drawProbability)
  return {
    base: probabilities.map(count),
    policy: probabilities.map((probability) => count(after(probability, gain))),
  }
}

const holds = ([low, high]: readonly [number, number], truth: number): boolean => low <= truth && truth <= high

function simulate(problems: number, samples: number, gain: number): Record<string, string> {
  const tally = { found: 0, accuracy: 0, passAtK: 0, difference: 0, bootstrap: 0 }
  const truth = {
    accuracy: expected((p) => after(p, gain)),
    passAtK: expected((p) => 1 - (1 - after(p, gain)) ** samples),
    difference: expected((p) => after(p, gain) - p),
  }
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const { base, policy } = drawCounts(problems, samples, gain)
    const differences = policy.map((value, i) => value - base[i]!)
    const options = { resamples: RESAMPLES, seed: repetition, confidence: 0.95 }
    const p =
      samples === 1
        ? mcnemarTest(differences.filter((d) => d < 0).length, differences.filter((d) => d > 0).length)
        : signFlipTest(differences, options)
    const shares = (counts: readonly number[]): number[] => counts.map((count) => count / samples)
    const pass = policy.map((count) => passAtK(samples, count, samples))
    const [bootstrap] = bootstrapIntervals([{ numerators: shares(differences) }], options)
    tally.found += Number(p < 0.05)
    tally.accuracy += Number(holds(clusteredInterval(shares(policy), samples, 0.95), truth.accuracy))
    tally.passAtK += Number(holds(clusteredInterval(pass, samples, 0.95), truth.passAtK))
    tally.difference += Number(holds(pairedInterval(shares(base), shares(policy), samples, 0.95), truth.difference))
    tally.bootstrap += Number(holds(bootstrap!, truth.difference))
  }
  const rate = (count: number): string => percent(count / repetitions)!
  const discordance = {
    fixed: expected((p) => (1 - p) * after(p, gain)),
    broken: expected((p) => p * (1 - after(p, gain))),
  }
  return {
    problems: String(problems),
    samples: String(samples),
    gain: percent(truth.difference)!,
    found: rate(tally.found),
    stated: samples === 1 ? percent(mcnemarPower(problems, discordance))! : '',
    accuracy: rate(tally.accuracy),
    passAtK: samples === 1 ? '' : rate(tally.passAtK),
    difference: rate(tally.difference),
    bootstrap: rate(tally.bootstrap),
  }
}

/** Problems on which an exact McNemar test with p < 0.05 finds a gain in four of five evaluations. */
function printPower(): void {
  const broken = [0, 0.02, 0.05, 0.1]
  console.log(
    formatTable(
      [
        { heading: 'gain', text: (gain: number) => `${100 * gain} points` },
        ...broken.map((share) => ({
          heading: `${100 * share} % broken`,
          text: (gain: number) => String(problemsNeeded({ fixed: share + gain, broken: share })),
        })),
      ],
      [0.01, 0.02, 0.05, 0.1, 0.2, 0.3],
    ),
  )
}

function printSimulation(): void {
  const started = performance.now()
  const rows = [1, 4].flatMap((samples) =>
    [0, 0.1, 0.3].flatMap((gain) => [20, 50, 100, 200].map((problems) => simulate(problems, samples, gain))),
  )
  const column = (
    heading: string,
    name: string,
  ): { heading: string; text: (row: Record<string, string>) => string } => ({
    heading,
    text: (row) => row[name]!,
  })
  console.log(
    formatTable(
      [
        column('problems', 'problems'),
        column('samples', 'samples'),
        column('true gain', 'gain'),
        column('p < 0.05', 'found'),
        column('power stated', 'stated'),
        column('accuracy', 'accuracy'),
        column('pass@n', 'passAtK'),
        column('difference', 'difference'),
        column('bootstrap', 'bootstrap'),
      ],
      rows,
    ),
  )
  console.log(
    `The last four columns: how often 95 % intervals hold the true value. ${repetitions} repetitions of each row, so ± ` +
      `${(196 * Math.sqrt((0.05 * 0.95) / repetitions)).toFixed(1)} points; ${((performance.now() - started) / 1000).toFixed(0)} s.`,
  )
}

if (!values.power) printSimulation()
printPower()
