import { mcnemarTest, mcnemarTestOneSided, passAtK, proportionInterval } from './api.js'
import { compareNumbers, ofOneOrMore } from './compare.js'
import type { Row, Tolerance } from './compare.js'
import { describing, readNumbers } from './referenceFiles.js'
import type { Part } from './referenceFiles.js'

interface McNemarCase {
  b: number
  c: number
  p_value: number
  p_one_sided_c_greater: number
}

interface PassAtKCase {
  n: number
  c: number
  k: number
  pass_at_k: number
}

type IntervalMethod = 'wilson' | 'wilson_cc' | 'clopper_pearson'

type IntervalCase = { k: number; n: number; confidence: number } & Record<IntervalMethod, [number, number]>

const tolerance: Tolerance = ofOneOrMore(1e-9)

/** Statistics of evaluations. */
export const stats: Part = {
  name: 'stats',
  matches: /^stats\/(mcnemar_exact|pass_at_k|proportion_intervals)\.json$/,
  *run(file, context) {
    const reference = readNumbers(context, file) as { definition: string; cases: unknown[] }
    describing(reference, 'definition')
    const { cases } = reference
    if (file.endsWith('mcnemar_exact.json')) yield* mcnemarRows(cases as McNemarCase[])
    else if (file.endsWith('pass_at_k.json')) yield* passAtKRows(cases as PassAtKCase[])
    else yield* intervalRows(cases as IntervalCase[])
  },
}

function* mcnemarRows(cases: McNemarCase[]): Iterable<Row> {
  const twoSided = cases.map(({ b, c }) => mcnemarTest(b, c))
  const oneSided = cases.map(({ b, c }) => mcnemarTestOneSided(b, c))
  const expected = cases.map((row) => row.p_value)
  const expectedOneSided = cases.map((row) => row.p_one_sided_c_greater)
  yield compareNumbers('p-value', twoSided, expected, tolerance)
  yield compareNumbers('p-value, one-sided', oneSided, expectedOneSided, tolerance)
  // P-values may be tiny: their logarithms have to agree too.
  yield compareNumbers('log p-value', twoSided.map(Math.log), expected.map(Math.log), tolerance)
  yield compareNumbers('log p-value, one-sided', oneSided.map(Math.log), expectedOneSided.map(Math.log), tolerance)
}

function* passAtKRows(cases: PassAtKCase[]): Iterable<Row> {
  const values = cases.map(({ n, c, k }) => passAtK(n, c, k))
  const expected = cases.map((row) => row.pass_at_k)
  yield compareNumbers('pass@k', values, expected, tolerance)
}

function* intervalRows(cases: IntervalCase[]): Iterable<Row> {
  for (const method of ['wilson', 'wilson_cc', 'clopper_pearson'] as const) {
    const values = cases.flatMap(({ k, n, confidence }) => proportionInterval(k, n, { confidence, method }))
    const expected = cases.flatMap((row) => row[method])
    yield compareNumbers(method, values, expected, tolerance)
  }
}
