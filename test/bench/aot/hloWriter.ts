/** Writes small HLO modules as the compiler does, for tests. */

/** An array's type and sizes, or the parts of a tuple. */
export type Shape = readonly ['bf16' | 'f32' | 's32' | 's8' | 'u8', ...number[]] | { readonly tuple: readonly Shape[] }

export interface Instruction {
  readonly opcode: string
  readonly shape: Shape
  readonly name?: string
  /** Numbers of computations. */
  readonly calls?: readonly number[]
  readonly customCallTarget?: string
  readonly backendConfig?: string
}

/** A HloModuleProtoWithConfig of computations, numbered from 1; the last one is the entry. */
export function writeModule(...computations: readonly (readonly Instruction[])[]): Uint8Array {
  const written = computations.map((instructions, i) =>
    message(
      3,
      message(1, Buffer.from(`computation.${i + 1}`)),
      ...instructions.map((each) => message(2, instruction(each))),
      number(5, i + 1),
    ),
  )
  return message(1, message(1, Buffer.from('main')), ...written, number(6, computations.length))
}

function instruction({ opcode, shape, name, calls, customCallTarget, backendConfig }: Instruction): Buffer {
  return Buffer.concat([
    message(1, Buffer.from(name ?? opcode)),
    message(2, Buffer.from(opcode)),
    message(3, type(shape)),
    ...(customCallTarget === undefined ? [] : [message(28, Buffer.from(customCallTarget))]),
    ...(calls === undefined ? [] : [message(38, Buffer.concat(calls.map(varint)))]),
    ...(backendConfig === undefined ? [] : [message(43, Buffer.from(backendConfig))]),
  ])
}

function type(shape: Shape): Buffer {
  if ('tuple' in shape) return Buffer.concat([number(2, 13), ...shape.tuple.map((each) => message(4, type(each)))])
  const [dtype, ...sizes] = shape
  return Buffer.concat([
    number(2, { bf16: 16, f32: 11, s32: 4, s8: 2, u8: 6 }[dtype]),
    message(3, Buffer.concat(sizes.map(varint))),
  ])
}

function message(field: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([varint(8 * field + 2), varint(content.length), content])
}

function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(8 * field), varint(value)])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0))
    if (rest < 128) return Buffer.from(bytes)
  }
}
