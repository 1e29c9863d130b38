/** A debug option of XLA by its name, e.g. `xla_backend_optimization_level`. */
export type CompilerFlags = Readonly<Record<string, string | number | boolean>>

/** What programs are compiled with on a platform, as far as the plugin has these options. */
export function platformFlags(platform: string): CompilerFlags {
  if (platform !== 'cuda' && platform !== 'rocm') return {}
  return {
    // The same sums in the same order in every run: no atomic additions.
    xla_gpu_exclude_nondeterministic_ops: true,
    // Triton's products copy each layer's weights and cache out of the stacked ones first; the BLAS library's read them in place.
    xla_gpu_enable_triton_gemm: false,
  }
}

/** Compiles with the options of a platform and further ones. Those of the platform that the plugin does not have are left out. */
export async function compileWithFlags<T>(
  platform: string,
  flags: CompilerFlags,
  compile: (options: Uint8Array) => Promise<T>,
): Promise<T> {
  const own = { ...platformFlags(platform) }
  for (;;) {
    try {
      return await compile(compileOptions({ ...own, ...flags }))
    } catch (error) {
      const refused = error instanceof Error && /No such compile option: '(\w+)'/.exec(error.message)?.[1]
      if (!refused || !(refused in own) || refused in flags) throw error
      Reflect.deleteProperty(own, refused)
    }
  }
}

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
