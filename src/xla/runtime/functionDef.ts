/**
 * A function of TensorFlow that is one program in StableHLO: a FunctionDef with a node XlaCallModule, written as protobuf. The numbers
 * are those of tensorflow/core/framework/{function,op_def,node_def,attr_value,tensor_shape}.proto.
 */
import type { ArrayType, ElementType } from '../types.js'
import type { Program } from './runner.js'

/** TensorFlow's numbers of types. */
export const DATA_TYPES: Readonly<Record<ElementType, number>> = {
  f32: 1,
  i32: 3,
  ui8: 4,
  i8: 6,
  i1: 10,
  bf16: 14,
  f16: 19,
}

/** Version of XlaCallModule's attributes: the oldest that takes text, of TensorFlow 2.14, which newer ones take too. */
const CALL_MODULE_VERSION = 8

/** The serialised FunctionDef of a program, which XLA compiles when the function is first called. */
export function functionOfProgram(
  /** Of the function; unique in a context. */
  name: string,
  { text, inputs, outputs }: Program,
  /** What XLA compiles for: `CPU`, `CUDA`, `ROCM`. */
  platform: string,
): Uint8Array {
  const inputNames = inputs.map((_, i) => `input${i}`)
  const outputNames = outputs.map((_, i) => `output${i}`)
  const signature = [
    string(1, name),
    ...inputs.map((type, i) => message(2, string(1, inputNames[i]!), integer(3, DATA_TYPES[type.dtype]))),
    ...outputs.map((type, i) => message(3, string(1, outputNames[i]!), integer(3, DATA_TYPES[type.dtype]))),
  ]
  const node = [
    string(1, 'program'),
    string(2, 'XlaCallModule'),
    ...inputNames.map((input) => string(3, input)),
    entry(5, 'version', integer(3, CALL_MODULE_VERSION)),
    entry(5, 'module', string(2, text)),
    entry(5, 'Tin', types(inputs)),
    entry(5, 'Tout', types(outputs)),
    entry(
      5,
      'Sout',
      message(1, ...outputs.map(({ shape }) => message(7, ...shape.map((size) => message(2, integer(1, size)))))),
    ),
    entry(5, 'platforms', message(1, string(2, platform))),
    entry(5, 'disabled_checks', message(1, string(2, 'platform'))),
  ]
  return Buffer.concat([
    message(1, ...signature),
    message(3, ...node),
    ...outputNames.map((output, i) => entryOf(4, output, string(2, `program:output:${i}`))),
    entry(5, '_XlaMustCompile', integer(5, 1)),
  ])
}

/** A list of types as AttrValue. */
function types(arrays: readonly ArrayType[]): Buffer {
  return message(1, ...arrays.map(({ dtype }) => integer(6, DATA_TYPES[dtype])))
}

/** An entry of a map from names to AttrValues. */
function entry(field: number, key: string, value: Buffer): Buffer {
  return entryOf(field, key, message(2, value))
}

/** An entry of a map, whose value is field 2. */
function entryOf(field: number, key: string, value: Buffer): Buffer {
  return message(field, string(1, key), value)
}

function message(field: number, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([varint(field * 8 + 2), varint(length), ...parts])
}

function string(field: number, value: string): Buffer {
  return message(field, Buffer.from(value))
}

function integer(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)])
}

/** A whole number of at most 2^53, seven bits a byte. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
  return Buffer.from([...bytes, value])
}
