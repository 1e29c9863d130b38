import type { Trace } from '../../run/evaluation.js'

/** Something that is measured of a completion, with which the verdicts of people are compared. */
interface Measure {
  /** What the one has that has more of it. */
  readonly label: string
  /** More stands for better, except of steps and length, where it shows what people are swayed by; null where it cannot be told. */
  readonly of: (trace: Trace) => number | null
}

/** What the verdicts of people are compared with. */
export const measures = {
  correct: { label: 'is right', of: ({ correct }) => Number(correct) },
  correctLenient: { label: 'is right in any form', of: ({ correctLenient }) => Number(correctLenient) },
  correctEquations: {
    label: 'has more equations that hold',
    of: ({ reasoning: { equations, correctEquations } }) => (equations === 0 ? null : correctEquations / equations),
  },
  coherent: {
    label: 'follows from its last step',
    of: ({ reasoning: { coherent } }) => (coherent === null ? null : Number(coherent)),
  },
  selfCorrections: {
    label: 'corrects itself more often',
    of: ({ reasoning: { selfCorrections } }) => selfCorrections,
  },
  steps: { label: 'has more steps', of: ({ reasoning: { steps } }) => steps },
  tokens: { label: 'is longer', of: ({ tokens }) => tokens },
} as const satisfies Readonly<Record<string, Measure>>

export type MeasureName = keyof typeof measures

export const measureNames = Object.keys(measures) as MeasureName[]
