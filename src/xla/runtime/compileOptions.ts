/** A debug option of XLA by its name, e.g. `xla_backend_optimization_level`. */
export type CompilerFlags = Readonly<Record<string, string | number | boolean>>

/**
 * A CompileOptionsProto of XLA, as protobuf writes it: one replica on one device, and debug options. See xla/pjrt/proto/
 * compile_options.proto for the numbers of its fields.
 */
export function compileOptions(flags: CompilerFlags): Uint8Array {
  // ExecutableBuildOptionsProto: device_ordinal −1 (any), num_replicas 1, num_partitions 1.
  const build = [...integer(1, -1), ...integer(4, 1), ...integer(5, 1)]
  const overrides = Object.entries(flags).flatMap(([name, value]) =>
    message(7, [...text(1, name), ...message(2, override(value))]),
  )
  return Uint8Array.from([...message(3, build), ...overrides])
}

/** An OptionOverrideProto: one of a string, a boolean, an integer and a fraction. */
function override(value: string | number | boolean): number[] {
  if (typeof value === 'string') return text(1, value)
  if (typeof value === 'boolean') return integer(2, Number(value))
  if (Number.isInteger(value)) return integer(3, value)
  return [...varint((4 << 3) | 1), ...new Uint8Array(Float64Array.of(value).buffer)]
}

function integer(field: number, value: number): number[] {
  return [...varint(field << 3), ...varint(value)]
}

function text(field: number, value: string): number[] {
  return message(field, [...Buffer.from(value)])
}

function message(field: number, bytes: readonly number[]): number[] {
  return [...varint((field << 3) | 2), ...varint(bytes.length), ...bytes]
}

/** Seven bits a byte, the lowest first; negative numbers as 64 bits. */
function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return [...bytes, Number(rest)]
}
