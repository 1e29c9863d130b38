import { KernelId, TILE_PANELS } from '../constants.js'
import type { KernelCalls } from '../kernelCalls.js'

/** Calls the kernel that makes columns of panels from rows of a matrix; see assembly/attentionPanels.ts. */
export function callAttentionPanels(
  calls: KernelCalls,
  work: {
    from: number // [S, width]
    to: number // [panels, width, 16]
    width: number
    /** What every number is multiplied with: headDim ** -0.5 for keys. */
    factor: number
    /** Address of the entries. */
    list: number
    entries: number
  },
): void {
  const { args, floatArgs } = calls
  args[0] = work.from
  args[1] = work.to
  args[2] = work.width * 4
  floatArgs[3] = work.factor
  args[4] = work.list
  args[5] = work.entries
  calls.run(KernelId.attentionPanels, Math.ceil(work.entries / TILE_PANELS), work.entries * 16 * work.width)
}

/** Calls the kernel that copies keys of a cache of panels to other slots of it; both runs begin with a panel. */
export function callAttentionPanelCopy(
  calls: KernelCalls,
  copy: {
    panels: number // [slots / 16, width, 16]
    width: number
    /** First slots, multiples of 16, and how many are copied. */
    from: number
    to: number
    length: number
  },
): void {
  const { args } = calls
  args[0] = copy.panels
  args[1] = copy.from / 16
  args[2] = copy.to / 16
  args[3] = copy.length
  args[4] = copy.width * 64
  calls.run(KernelId.attentionPanelCopy, Math.ceil(copy.length / 16), copy.length * copy.width)
}
