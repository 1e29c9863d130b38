import { argument } from '../../src/xla/graph/operations.js'
import type { Node } from '../../src/xla/graph/node.js'
import { printProgram } from '../../src/xla/graph/print.js'
import type { Runner } from '../../src/xla/runtime/runner.js'
import { hostArray } from '../../src/xla/types.js'
import type { ArrayType, HostArray } from '../../src/xla/types.js'

/** An argument of a program and its values. */
export interface Given extends ArrayType {
  readonly values: HostArray
}

/** Numbers as an argument: of f32 unless said otherwise. */
export function given(values: ArrayLike<number>, shape: readonly number[], dtype: ArrayType['dtype'] = 'f32'): Given {
  const array = hostArray({ dtype, shape })
  if (array.length !== values.length) throw new Error(`${values.length} values for [${shape.join(', ')}]`)
  array.set(values)
  return { dtype, shape, values: array }
}

/** Runs a program on values and returns its results: what `build` makes of the arguments. */
export async function compute(
  runner: Runner,
  inputs: readonly Given[],
  build: (...nodes: Node[]) => readonly Node[],
): Promise<HostArray[]> {
  const run = await compile(runner, inputs, build)
  return run(inputs)
}

/** A program for arguments of some types, to be run many times. */
export async function compile(
  runner: Runner,
  types: readonly ArrayType[],
  build: (...nodes: Node[]) => readonly Node[],
): Promise<(inputs: readonly Given[]) => Promise<HostArray[]>> {
  const nodes = types.map(({ dtype, shape }) => argument(dtype, shape))
  const executable = await runner.compile(printProgram({ name: 'test', inputs: nodes, outputs: build(...nodes) }))
  return async (inputs) => {
    const uploaded = inputs.map((input) => runner.upload(input.values, input))
    const results = runner.execute(executable, uploaded)
    try {
      return await Promise.all(results.map((result) => runner.read(result)))
    } finally {
      runner.free(...uploaded, ...results)
    }
  }
}
