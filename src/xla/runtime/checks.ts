/** What every runner checks before it hands anything to native code. */
import { EngineError, ShapeError } from '../../errors.js'
import { bytesOf, printType, sizeOf } from '../types.js'
import type { ArrayType, HostArray } from '../types.js'
import type { DeviceArray, Program } from './runner.js'

/** Throws a ShapeError for values that are not those of a type. */
export function assertValues(
  values: HostArray, // [...shape]
  type: ArrayType,
): void {
  if (values.length === sizeOf(type.shape) && values.byteLength === bytesOf(type)) return
  throw new ShapeError(
    `${values.length} numbers in ${values.byteLength} bytes cannot be a ${printType(type)}; ` +
      `expected ${sizeOf(type.shape)} in ${bytesOf(type)}`,
  )
}

/** Throws a ShapeError for arguments that are not those of a program, an EngineError for one that is gone. */
export function assertArguments({ name, inputs }: Program, given: readonly DeviceArray[]): void {
  if (given.length !== inputs.length) {
    throw new ShapeError(`the program ${name} got ${given.length} arguments; expected ${inputs.length}`)
  }
  for (const [i, array] of given.entries()) {
    const [type, expected] = [printType(array), printType(inputs[i]!)]
    if (type !== expected)
      throw new ShapeError(`argument ${i} of the program ${name} is a ${type}; expected ${expected}`)
    assertAlive(array, `argument ${i} of the program ${name}`)
  }
}

/** Throws an EngineError for an array that is gone. */
export function assertAlive(array: DeviceArray, what: string): void {
  if (!array.isAlive) throw new EngineError(`${what} was freed, or given away to a program`)
}
