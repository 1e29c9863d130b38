import { isTrainable } from '../../../ops/weight.js'
import type { PackedWeight } from '../../../ops/weight.js'
import { isQuantized } from '../../../quantization/weightFormat.js'
import type { WeightFormat } from '../../../quantization/weightFormat.js'
import type { CpuBackend } from '../backend.js'
import { panelBytes, PanelMode } from '../gemm.js'
import type { PanelScaling } from '../gemm.js'
import { movedScaling, panelScaling } from './codePanels.js'
import { matrixPanels } from './panels.js'

/** A weight in panels, as products read it. */
export interface PanelWeight {
  /** Above 2³² in native memory. */
  readonly address: number
  readonly mode: number
  /** Null where the panels hold numbers. */
  readonly scaling: PanelScaling | null
  readonly shape: readonly [out: number, width: number]
}

/** The panels of a weight for x·Wᵀ, or transposed for dy·W. */
export function panelWeight(backend: CpuBackend, weight: PackedWeight, transposed = false): PanelWeight {
  const { format, shape } = weight
  return {
    address: weightPanels(backend, weight),
    mode: weightMode(format, transposed),
    scaling:
      weight.scaling && isQuantized(format) ? panelScaling(backend.address(weight.scaling), shape, format) : null,
    shape,
  }
}

/** The panels from output `first` on, a multiple of 16. */
export function panelsFrom(
  { address, scaling, shape: [out, width], ...rest }: PanelWeight,
  first: number,
): PanelWeight {
  const panels = first / 16
  return {
    ...rest,
    address: address + panels * panelBytes(rest.mode, width),
    scaling: scaling && movedScaling(scaling, panels, width),
    shape: [out - first, width],
  }
}

/**
 * Address of a weight's panels. A trained one lies in memory as it is, and a step of the optimizer makes a new tensor: its panels are
 * made when they are first asked for.
 */
function weightPanels(backend: CpuBackend, weight: PackedWeight): number {
  return isTrainable(weight) ? matrixPanels(backend, weight.tensor) : backend.frozenAddress(weight.tensor)
}

/** How a weight's panels are read; see ../gemm.ts. */
function weightMode(format: WeightFormat, transposed: boolean): number {
  if (format === 'float32') return transposed ? PanelMode.transposedFloat32Panels : PanelMode.float32Panels
  if (format === 'bfloat16') return transposed ? PanelMode.transposedBfloat16Panels : PanelMode.bfloat16Panels
  if (format.bits === 8) return transposed ? PanelMode.transposedInt8Panels : PanelMode.int8Panels
  return transposed ? PanelMode.transposedInt4Panels : PanelMode.int4Panels
}
