/** Compiles the program of the job on standard input for a card that need not be there, and prints its figures as JSON. */
import { json } from 'node:stream/consumers'
import { compileFor } from '../../src/xla/runtime/aheadOfTime.js'
import { bytesOf } from '../../src/xla/types.js'
import type { ProgramFigures } from './budget.js'
import type { CompileJob } from './compilation.js'
import { hloFigures } from './hloFigures.js'
import { parseHloModule } from './hloModule.js'
import { compiledModel } from './models.js'
import { modelProgram } from './programs.js'

const MB = 1e6

const {
  plugin,
  target,
  model: modelName,
  program: name,
  sizes,
  memory: cardMemory,
  flags,
} = (await json(process.stdin)) as CompileJob
const model = compiledModel(modelName)
const program = modelProgram(name, model, sizes, cardMemory)
const before = process.cpuUsage()
const { memory, optimized } = await compileFor(plugin, target.text, program, flags)
const { user, system } = process.cpuUsage(before)
const hlo = hloFigures(parseHloModule(optimized), model.config.numLayers, largeBytes())
const figures: ProgramFigures = {
  textBytes: Buffer.byteLength(program.text),
  compileSeconds: tenths((user + system) / 1e6),
  argumentMB: tenths(memory.arguments / MB),
  outputMB: tenths((memory.outputs - memory.aliased) / MB),
  aliasedMB: tenths(memory.aliased / MB),
  temporaryMB: tenths(memory.temporary / MB),
  kernels: hlo.kernels,
  layerKernels: hlo.layerKernels,
  layerMovedMB: hlo.layerMoved === null ? null : tenths(hlo.layerMoved / MB),
  layerWidenedMB: hlo.layerWidened === null ? null : tenths(hlo.layerWidened / MB),
  largestWidenedMB: tenths(hlo.largestWidened / MB),
  largeCopies: hlo.largeCopies.length,
}
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0))

/** Of the largest array that a step keeps: a table of the cache or, in training, the inputs of all layers. */
function largeBytes(): number {
  const keepsInputs = ['score', 'backward'].includes(name)
  const { outputs } = keepsInputs ? modelProgram('forward', model, sizes, cardMemory) : program
  return Math.max(...outputs.map(bytesOf))
}

function tenths(value: number): number {
  return Math.round(10 * value) / 10
}
