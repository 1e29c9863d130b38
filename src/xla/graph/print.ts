import { GrpoError } from '../../errors.js'
import type { Program } from '../runtime/runner.js'
import { printType } from '../types.js'
import type { ArrayType, ElementType } from '../types.js'
import type { LoopRegion, Node } from './node.js'

/** What a program takes and gives. */
export interface ProgramSignature {
  /** For messages and the cache, e.g. `decode`. */
  readonly name: string
  /** In the order in which they are handed over. */
  readonly inputs: readonly Node[]
  readonly outputs: readonly Node[]
  /** Inputs whose memory an output takes over; the input is gone afterwards. */
  readonly donated?: ReadonlyMap<Node, number /* of the output */>
}

/** A graph as a program in StableHLO's text. */
export function printProgram({ name, inputs, outputs, donated = new Map() }: ProgramSignature): Program {
  const names = new Map(inputs.map((input, i) => [input, `%arg${i}`]))
  const printer = new Printer()
  printer.print(outputs, names, '    ')
  const argumentList = inputs.map((input) => {
    const output = donated.get(input)
    const attribute = output === undefined ? '' : ` {tf.aliasing_output = ${output} : i32}`
    return `${names.get(input)!}: ${printType(input)}${attribute}`
  })
  const types = outputs.map(printType).join(', ')
  const text = [
    `module @${name} {`,
    `  func.func public @main(${argumentList.join(', ')}) -> (${types}) {`,
    ...printer.lines,
    `    return ${outputs.map((output) => names.get(output)!).join(', ')} : ${types}`,
    '  }',
    '}',
    '',
  ].join('\n')
  return { name, text, inputs: inputs.map(typeOf), outputs: outputs.map(typeOf) }
}

function typeOf({ dtype, shape }: ArrayType): ArrayType {
  return { dtype, shape }
}

/** Numbers the values of a program and writes a line for each. */
class Printer {
  readonly lines: string[] = []
  #count = 0

  /** Writes what some nodes are made of, each once; `names` are those that have a name already. */
  print(roots: readonly Node[], names: Map<Node, string>, indent: string): void {
    // Depth first without recursion: graphs are deep.
    const open = roots.toReversed()
    while (open.length > 0) {
      const one = open.at(-1)!
      const waiting = names.has(one) ? [] : one.inputs.filter((input) => !names.has(input))
      if (waiting.length > 0) {
        open.push(...waiting.toReversed())
        continue
      }
      open.pop()
      if (!names.has(one)) names.set(one, this.#printNode(one, names, indent))
    }
  }

  /** Writes a node whose inputs have names, and returns its own. */
  #printNode(one: Node, names: ReadonlyMap<Node, string>, indent: string): string {
    const { operation } = one
    const inputs = one.inputs.map((input) => names.get(input)!)
    if (operation.kind === 'detach') return inputs[0]!
    if (operation.kind === 'result') return `${inputs[0]!}#${operation.index}`
    if (operation.kind === 'argument') {
      throw new GrpoError(`a program reads ${printType(one)}, which is none of its arguments`)
    }
    const name = `%${this.#count++}`
    if (operation.kind === 'while') this.#printLoop(name, operation.region, inputs, indent)
    else this.lines.push(`${indent}${name} = ${printOperation(one, inputs)}`)
    return name
  }

  #printLoop(name: string, region: LoopRegion, inputs: readonly string[], indent: string): void {
    const { state, captured, condition, next } = region
    const carried = [...state, ...captured]
    const types = carried.map(printType).join(', ')
    const inner = carried.map((_, i) => `%s${name.slice(1)}_${i}`)
    const starts = inner.map((own, i) => `${own} = ${inputs[i]!}`).join(', ')
    const namesInside = (): Map<Node, string> => new Map(carried.map((one, i) => [one, inner[i]!]))
    this.lines.push(`${indent}${name}:${carried.length} = stablehlo.while(${starts}) : ${types} cond {`)
    const tested = namesInside()
    this.print([condition], tested, `${indent}  `)
    this.lines.push(`${indent}  stablehlo.return ${tested.get(condition)!} : tensor<i1>`, `${indent}} do {`)
    const stepped = namesInside()
    this.print(next, stepped, `${indent}  `)
    const results = [...next, ...captured].map((one) => stepped.get(one)!)
    this.lines.push(`${indent}  stablehlo.return ${results.join(', ')} : ${types}`, `${indent}}`)
  }
}

/** The right side of a node's line. */
function printOperation(one: Node, inputs: readonly string[]): string {
  const { operation } = one
  const list = inputs.join(', ')
  const own = printType(one)
  const types = one.inputs.map(printType)
  const signature = `(${types.join(', ')}) -> ${own}`
  const ints = (values: readonly number[]): string => `[${values.join(', ')}]`
  switch (operation.kind) {
    case 'constant':
      return `stablehlo.constant dense<${printValues(operation.values, one.dtype)}> : ${own}`
    case 'iota':
      return `stablehlo.iota dim = ${operation.dimension} : ${own}`
    case 'unary':
    case 'binary':
      return `stablehlo.${operation.name} ${list} : ${own}`
    case 'compare': {
      const kind = comparedAs(one.inputs[0]!.dtype)
      return `stablehlo.compare ${operation.direction}, ${list}, ${kind} : ${signature}`
    }
    case 'select':
      return `stablehlo.select ${list} : ${types[0]!}, ${own}`
    case 'convert':
      return `stablehlo.convert ${list} : ${signature}`
    case 'barrier':
      return `stablehlo.optimization_barrier ${list} : ${own}`
    case 'bitcast':
      return `stablehlo.bitcast_convert ${list} : ${signature}`
    case 'reshape':
      return `stablehlo.reshape ${list} : ${signature}`
    case 'broadcast':
      return `stablehlo.broadcast_in_dim ${list}, dims = ${ints(operation.dimensions)} : ${signature}`
    case 'transpose':
      return `stablehlo.transpose ${list}, dims = ${ints(operation.permutation)} : ${signature}`
    case 'slice': {
      const ranges = operation.starts.map((start, i) => `${start}:${operation.limits[i]!}`)
      return `stablehlo.slice ${list} [${ranges.join(', ')}] : ${signature}`
    }
    case 'pad': {
      const interior = operation.low.map(() => 0)
      return `stablehlo.pad ${list}, low = ${ints(operation.low)}, high = ${ints(operation.high)}, interior = ${ints(interior)} : ${signature}`
    }
    case 'concatenate':
      return `stablehlo.concatenate ${list}, dim = ${operation.dimension} : ${signature}`
    case 'reduce':
      return `stablehlo.reduce(${inputs[0]!} init: ${inputs[1]!}) applies stablehlo.${operation.name} across dimensions = ${ints(operation.dimensions)} : ${signature}`
    case 'dot': {
      const { batch, contract } = operation.dimensions
      const batching = batch[0].length > 0 ? `, batching_dims = ${ints(batch[0])} x ${ints(batch[1])}` : ''
      // Otherwise GPUs round float32 to 10 bits of mantissa (TF32) before they multiply.
      const precision = one.inputs[0]!.dtype === 'f32' ? ', precision = [HIGHEST, HIGHEST]' : ''
      return `stablehlo.dot_general ${list}${batching}, contracting_dims = ${ints(contract[0])} x ${ints(contract[1])}${precision} : ${signature}`
    }
    case 'dynamicSlice':
      return `stablehlo.dynamic_slice ${list}, sizes = ${ints(operation.sizes)} : ${signature}`
    case 'dynamicUpdate':
      return `stablehlo.dynamic_update_slice ${list} : ${signature}`
    case 'takeRows': {
      const window = one.shape.slice(1)
      const numbers =
        `#stablehlo.gather<offset_dims = ${ints(window.map((_, i) => i + 1))}, collapsed_slice_dims = [0], ` +
        'start_index_map = [0], index_vector_dim = 1>'
      const sizes = `array<i64: ${[1, ...window].join(', ')}>`
      return `"stablehlo.gather"(${list}) <{dimension_numbers = ${numbers}, slice_sizes = ${sizes}, indices_are_sorted = false}> : ${signature}`
    }
    case 'addRows':
      return printScatter(one, inputs, [0], true)
    case 'putRows':
      return printScatter(one, inputs, operation.axes, false)
    case 'argument':
    case 'detach':
    case 'result':
    case 'while':
      throw new GrpoError(`a node of kind ${operation.kind} has no line of its own`)
  }
}

function printScatter(one: Node, inputs: readonly string[], axes: readonly number[], adds: boolean): string {
  const [table, rows, values] = one.inputs as [Node, Node, Node]
  const scalar = printType({ dtype: table.dtype, shape: [] })
  // Places without a dimension of their own are numbers of rows.
  const vector = rows.shape.length
  const window = values.shape.slice(1).map((_, i) => i + 1)
  const numbers =
    `#stablehlo.scatter<update_window_dims = [${window.join(', ')}], inserted_window_dims = [${axes.join(', ')}], ` +
    `scatter_dims_to_operand_dims = [${axes.join(', ')}], index_vector_dim = ${vector === 1 ? 1 : vector - 1}>`
  const body = adds
    ? `%sum = stablehlo.add %old, %new : ${scalar} stablehlo.return %sum : ${scalar}`
    : `stablehlo.return %new : ${scalar}`
  return (
    `"stablehlo.scatter"(${inputs.join(', ')}) <{indices_are_sorted = false, scatter_dimension_numbers = ${numbers}, ` +
    `unique_indices = ${!adds}}> ({ ^bb0(%old: ${scalar}, %new: ${scalar}): ${body} }) : ` +
    `(${[table, rows, values].map(printType).join(', ')}) -> ${printType(one)}`
  )
}

function printValues(values: number | readonly number[], dtype: ElementType): string {
  if (typeof values !== 'number') return `[${values.map((value) => printNumber(value, dtype)).join(', ')}]`
  return printNumber(values, dtype)
}

function comparedAs(dtype: ElementType): string {
  if (dtype === 'i1' || dtype === 'ui8') return 'UNSIGNED'
  return dtype === 'i32' || dtype === 'i8' ? 'SIGNED' : 'FLOAT'
}

/** Infinities by their bits: MLIR has no other way. */
const INFINITIES: Readonly<Partial<Record<ElementType, string>>> = { f32: '7F800000', bf16: '7F80', f16: '7C00' }

function printNumber(value: number, dtype: ElementType): string {
  if (dtype === 'i1') return value === 0 ? 'false' : 'true'
  if (dtype === 'i32' || dtype === 'i8' || dtype === 'ui8') return String(value)
  if (Number.isNaN(value)) throw new GrpoError('a constant of a program is NaN')
  if (!Number.isFinite(value)) {
    const bits = BigInt(`0x${INFINITIES[dtype]!}`) | (value < 0 ? 1n << (dtype === 'f32' ? 31n : 15n) : 0n)
    return `0x${bits.toString(16).toUpperCase()}`
  }
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toFixed(1)
  // MLIR wants a point in the mantissa.
  return value.toExponential().replace(/^(-?\d+)e/, '$1.0e')
}
