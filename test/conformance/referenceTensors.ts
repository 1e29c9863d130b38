import type { Safetensors } from './api.js'

/** A file of tensors that takes note of which were read. */
export class ReferenceTensors {
  /** Names of all tensors. */
  readonly names: readonly string[]

  constructor(
    private readonly tensors: Safetensors,
    readonly read: Set<string>,
  ) {
    this.names = tensors.names()
  }

  info(name: string): ReturnType<Safetensors['info']> {
    return this.tensors.info(name)
  }

  readFloat32(name: string): Float32Array {
    this.read.add(name)
    return this.tensors.readFloat32(name)
  }

  readIntegers(name: string): ReturnType<Safetensors['readIntegers']> {
    this.read.add(name)
    return this.tensors.readIntegers(name)
  }

  /** Names of the tensors that nothing has read. */
  unread(): string[] {
    return this.names.filter((name) => !this.read.has(name))
  }

  close(): void {
    this.tensors.close()
  }
}
