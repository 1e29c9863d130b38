import type { ModelConfig } from '../../model/config.js'
import { ropeTables } from '../../model/ropeFrequencies.js'
import type { RotaryTables } from './planLayer.js'
import type { GrowingBlock } from './planMemory.js'

/** Cosines and sines of all positions so far, in shared memory. */
export class RotaryMemory {
  #positions = 0
  #sequenceLength = 0
  #tables: RotaryTables = { cos: 0, sin: 0, tableRows: 0 }

  constructor(
    private readonly config: ModelConfig,
    private readonly block: GrowingBlock,
  ) {}

  /** Tables [positions, headDim / 2] with at least `length` positions, for sequences of at most `length` tokens. */
  tables(length: number): RotaryTables {
    const { rope, headDim, maxPositions } = this.config
    // Beyond the length that the model saw, type dynamic turns by other angles for each length.
    const sequenceLength = rope.type === 'dynamic' ? Math.max(length, rope.maxPositions) : 0
    if (length <= this.#positions && sequenceLength === this.#sequenceLength) return this.#tables
    const positions = Math.max(length, Math.min(maxPositions, 2 ** Math.ceil(Math.log2(Math.max(length, 256)))))
    const { cos, sin } = ropeTables(
      rope,
      headDim,
      Int32Array.from({ length: positions }, (_, i) => i),
      length,
    )
    const address = this.block.place(cos, sin)
    this.#tables = { cos: address, sin: address + cos.byteLength, tableRows: positions }
    this.#positions = positions
    this.#sequenceLength = sequenceLength
    return this.#tables
  }

  dispose(): void {
    this.block.dispose()
  }
}
