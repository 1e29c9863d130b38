/** What fits which card, by XLA's own figures. */
import { formatTable } from '../../src/cli/terminal/table.js'
import { compileApart } from './compilation.js'
import type { CompileJob } from './compilation.js'
import { compiledModel } from './models.js'
import type { CompiledName } from './models.js'
import { checkedSizes, modelProgram, programsOf, residentBytes, USABLE } from './programs.js'
import type { ProgramName, ProgramSizes } from './programs.js'
import { findTarget, readTargets } from './targets.js'
import type { Target } from './targets.js'

/** Cards by their memory in GB, and the card that is compiled for: one of the same generation. */
const cards = [
  { gigabytes: 16, like: 'NVIDIA RTX A6000' },
  { gigabytes: 24, like: 'NVIDIA RTX A6000' },
  { gigabytes: 40, like: 'NVIDIA A100-SXM4-80GB' },
  { gigabytes: 80, like: 'NVIDIA A100-SXM4-80GB' },
] as const

/** The phases of a step, and the programs that take most of each: the forward program takes less than the backward one. */
const phases = {
  sampling: ['merge', 'prefill', 'decode'],
  training: ['backward'],
} as const satisfies Record<string, readonly ProgramName[]>
type Phase = keyof typeof phases

/** More completions are not computed together. */
const MOST = 512

/** The sizes of a phase with so many completions, eight of each prompt where there are as many. */
function sizesOf(phase: Phase, completions: number): ProgramSizes {
  const rows = Math.min(checkedSizes.numGenerations, completions)
  return phase === 'sampling'
    ? { ...checkedSizes, prompts: completions / rows, numGenerations: rows }
    : { ...checkedSizes, trainedPrompts: completions / rows, trainedRows: rows }
}

type Compile = (job: Pick<CompileJob, 'target' | 'program' | 'sizes' | 'memory'>) => ReturnType<typeof compileApart>

/** GB that a phase takes at its peak: of each of its programs what it takes, and what lies beside it. */
async function phaseGigabytes(
  compile: Compile,
  model: CompiledName,
  card: { readonly target: Target; readonly memory: number },
  phase: Phase,
  completions: number,
): Promise<number> {
  const sizes = sizesOf(phase, completions)
  let most = 0
  const programs = programsOf(compiledModel(model))
  for (const program of phases[phase].filter((name) => programs.includes(name))) {
    const { argumentMB, outputMB, temporaryMB } = await compile({ ...card, program, sizes })
    const beside = residentBytes(program, compiledModel(model), sizes) / 1e9
    most = Math.max(most, (argumentMB + outputMB + temporaryMB) / 1000 + beside)
  }
  return most
}

/** What a card takes of a phase. */
interface Capacity {
  /** GB with eight completions. */
  readonly ofEight: number
  /** The most completions that fit, and GB with them; 0 where none does. */
  readonly most: number
  readonly ofMost: number
}

/**
 * The most completions that fit, a power of two: what eight and sixteen take says how many that may be, and compiling for them, and for
 * twice as many, whether it is so.
 */
async function measureCapacity(needs: (completions: number) => Promise<number>, usable: number): Promise<Capacity> {
  const first = checkedSizes.numGenerations
  const ofEight = await needs(first)
  const known = new Map([[first, ofEight]])
  const needed = async (completions: number): Promise<number> => {
    const found = known.get(completions) ?? (await needs(completions))
    known.set(completions, found)
    return found
  }
  const perCompletion = ((await needed(2 * first)) - ofEight) / first
  const forecast = first + (usable - ofEight) / perCompletion
  let most = Math.min(MOST, 2 ** Math.floor(Math.log2(Math.max(1, forecast))))
  while (most >= 1 && (await needed(most)) > usable) most /= 2
  if (most < 1) return { ofEight, most: 0, ofMost: 0 }
  while (most < MOST && (await needed(2 * most)) <= usable) most *= 2
  return { ofEight, most, ofMost: await needed(most) }
}

/** Prints what a step takes with eight completions, and the most completions that fit each card. */
export async function printCapacity(
  plugin: string,
  model: CompiledName,
  flags: CompileJob['flags'],
  seconds: number,
): Promise<void> {
  const known = readTargets(plugin)
  // Many are the same for several cards, and merging is for any number of completions.
  const compiled = new Map<string, ReturnType<Compile>>()
  const compile: Compile = (job) => {
    const { text } = modelProgram(job.program, compiledModel(model), job.sizes, job.memory)
    const key = job.target.name + text
    const figures = compiled.get(key) ?? compileApart({ ...job, plugin, model, flags }, seconds)
    compiled.set(key, figures)
    return figures
  }
  const rows: ({ readonly gigabytes: number } & Record<Phase, Capacity>)[] = []
  for (const { gigabytes, like } of cards) {
    const card = { target: findTarget(known, like), memory: gigabytes * 1e9 }
    const measure = (phase: Phase): Promise<Capacity> =>
      measureCapacity(async (completions) => {
        process.stderr.write(`${gigabytes} GB: ${phase} with ${completions} completions …`)
        const needed = await phaseGigabytes(compile, model, card, phase, completions)
        process.stderr.write(` ${needed.toFixed(2)} GB\n`)
        return needed
      }, USABLE * gigabytes)
    rows.push({ gigabytes, sampling: await measure('sampling'), training: await measure('training') })
  }
  const { completionTokens, promptTokens } = checkedSizes
  process.stdout.write(
    `${model}, completions of ${completionTokens} tokens behind prompts of ${promptTokens}; GB at the peak of a phase\n\n`,
  )
  const columns = (phase: Phase) => [
    { heading: `${phase} of 8`, text: (row: (typeof rows)[number]) => row[phase].ofEight.toFixed(2) },
    { heading: 'most', text: (row: (typeof rows)[number]) => String(row[phase].most) },
    { heading: 'GB', text: (row: (typeof rows)[number]) => row[phase].ofMost.toFixed(2) },
  ]
  process.stdout.write(
    formatTable(
      [
        { heading: 'card', text: ({ gigabytes }) => `${gigabytes} GB` },
        { heading: 'for arrays', text: ({ gigabytes }) => (USABLE * gigabytes).toFixed(0) },
        ...columns('sampling'),
        ...columns('training'),
      ],
      rows,
    ),
  )
}
