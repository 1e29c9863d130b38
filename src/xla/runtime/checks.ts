/** What every runner checks before it hands anything to native code. */
import { EngineError, ShapeError } from '../../errors.js'
import { HOST_ARRAYS, printType, sizeOf } from '../types.js'
import type { ArrayType, HostArray } from '../types.js'
import type { DeviceArray, Program } from './runner.js'

/** Throws a ShapeError for values that are not those of a type. */
export function assertValues(
  values: HostArray, // [...shape]
  type: ArrayType,
): void {
  const expected = HOST_ARRAYS[type.dtype]
  if (values instanceof expected && values.length === sizeOf(type.shape)) return
  throw new ShapeError(
    `${values.length} numbers in a ${values.constructor.name} cannot be a ${printType(type)}; ` +
      `expected ${sizeOf(type.shape)} in a ${expected.name}`,
  )
}

/** Throws a ShapeError for arguments that are not those of a program, an EngineError for one that is gone. */
export function assertArguments({ name, inputs }: Program, given: readonly DeviceArray[]): void {
  if (given.length !== inputs.length) {
    throw new ShapeError(`the program ${name} got ${given.length} arguments; expected ${inputs.length}`)
  }
  for (const [i, array] of given.entries()) {
    if (!isSameType(array, inputs[i]!)) {
      throw new ShapeError(
        `argument ${i} of the program ${name} is a ${printType(array)}; expected ${printType(inputs[i]!)}`,
      )
    }
    if (!array.isAlive) assertAlive(array, `argument ${i} of the program ${name}`)
  }
}

/** Throws an EngineError for an array that is gone. */
export function assertAlive(array: DeviceArray, what: string): void {
  if (!array.isAlive) throw new EngineError(`${what} was freed, or given away to a program`)
}

function isSameType(a: ArrayType, b: ArrayType): boolean {
  return a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((size, i) => size === b.shape[i])
}
