/** What compiled programs may take: the figures of an earlier day, in budget.json, with a little room. */
import fs from 'node:fs'
import { atomicWriteJson } from '../../src/io/atomicWrite.js'
import { parseJson } from '../../src/io/json.js'

/** What there is to say of a compiled program. Megabytes are 10^6 bytes. */
export interface ProgramFigures {
  /** Of the StableHLO. */
  readonly textBytes: number
  /** Processor time of the compiler, of all its threads. */
  readonly compileSeconds: number
  readonly argumentMB: number
  /** Results beside the arguments that they take the place of. */
  readonly outputMB: number
  /** Of the arguments, what results take the place of. */
  readonly aliasedMB: number
  readonly temporaryMB: number
  /** Kernels of a run, a turn of each loop of unknown length: see HloFigures. */
  readonly kernels: number
  readonly layerKernels: number | null
  readonly layerMovedMB: number | null
  readonly layerWidenedMB: number | null
  readonly largestWidenedMB: number
  readonly largeCopies: number
}

/** Figures by card and by program, such as `smollm2-135m decode`. */
export interface Budget {
  /** The compiler that they are of. */
  readonly compiler: string
  readonly cards: Readonly<Record<string, Readonly<Record<string, ProgramFigures>>>>
}

/** How far a figure may lie from the budget. */
interface Allowance {
  readonly name: string
  /** The most, or with `isLeast` the least, that it may be. */
  readonly limit: (budgeted: number) => number
  readonly isLeast?: boolean
}

/** The compiler is the same each time: room is for changes that nobody would mind, and for slower machines. */
const allowances: Readonly<Record<keyof ProgramFigures, Allowance>> = {
  textBytes: { name: 'bytes of text', limit: (bytes) => 1.25 * bytes + 1000 },
  compileSeconds: { name: 'seconds to compile', limit: (seconds) => 3 * seconds + 10 },
  argumentMB: { name: 'MB of arguments', limit: (size) => 1.05 * size + 1 },
  outputMB: { name: 'MB of results', limit: (size) => 1.05 * size + 1 },
  aliasedMB: {
    name: 'MB of arguments that results take the place of',
    limit: (size) => 0.95 * size - 1,
    isLeast: true,
  },
  temporaryMB: { name: 'MB of temporaries', limit: (size) => 1.05 * size + 1 },
  kernels: { name: 'kernels of a run', limit: (count) => 1.05 * count },
  layerKernels: { name: 'kernels of a layer', limit: (count) => 1.05 * count },
  layerMovedMB: { name: 'MB that a layer only copies', limit: (size) => 1.05 * size + 0.1 },
  layerWidenedMB: {
    name: 'MB of numbers that a layer computes from codes and writes',
    limit: (size) => 1.05 * size + 0.1,
  },
  largestWidenedMB: {
    name: 'MB of the largest array that is computed from codes and written',
    limit: (size) => 1.05 * size + 0.1,
  },
  largeCopies: { name: 'copies as large as the cache or the inputs of all layers', limit: (count) => count },
}

/** What is over the budget, each in a phrase. A loop over layers that is not found any more is over it too. */
export function overBudget(figures: ProgramFigures, budgeted: ProgramFigures): string[] {
  return (Object.keys(allowances) as (keyof ProgramFigures)[]).flatMap((key) => {
    const { name, limit, isLeast } = allowances[key]
    const [found, expected] = [figures[key], budgeted[key]]
    if (expected === null) return []
    if (found === null) return [`${name} are not known, budget ${expected}`]
    const isOver = isLeast ? found < limit(expected) : found > limit(expected)
    return isOver ? [`${found} ${name}, budget ${expected}`] : []
  })
}

/** Reads a budget; one without cards where the file is not there. Throws a FileFormatError. */
export function readBudget(file: string): Budget {
  if (!fs.existsSync(file)) return { compiler: '', cards: {} }
  return parseJson(file, 'the budget', fs.readFileSync(file)) as Budget
}

/** Writes figures into a budget; those of other cards and programs stay. */
export function writeBudget(file: string, compiler: string, cards: Budget['cards']): void {
  const known = readBudget(file).cards
  const merged = Object.fromEntries(
    [...new Set([...Object.keys(known), ...Object.keys(cards)])]
      .sort()
      .map((card) => [card, { ...known[card], ...cards[card] }]),
  )
  atomicWriteJson(file, { compiler, cards: merged })
}
