/** The table of kernels: each works on one tile of its result. */
import { addTile } from './add'
import { attentionTile } from './attention'
import { attentionKeyGradientTile, attentionQueryGradientTile } from './attentionGradient'
import { attentionPanelCopyTile, attentionPanelsTile } from './attentionPanels'
import { copyRowsTile } from './copyRows'
import { dropoutTile } from './dropout'
import { embedTile } from './embed'
import { gemmTile } from './gemm'
import { logSoftmaxGradientTile, logSoftmaxTile } from './logSoftmax'
import { isNative, nativeTiles } from './native'
import { peakTile } from './peak'
import { rmsNormTile } from './rmsNorm'
import { ropeTile } from './rope'
import { sampleTokensTile } from './sampling'
import { sumRowsTile } from './sumRows'
import { swigluTile } from './swiglu'

/** Numbers of the kernels. */
export enum KernelId {
  gemm = 0,
  attention = 10,
  attentionQueryGradient = 11,
  attentionKeyGradient = 12,
  attentionPanels = 13,
  attentionPanelCopy = 14,
  add = 20,
  rmsNorm = 21,
  rope = 22,
  swiglu = 23,
  logSoftmax = 24,
  logSoftmaxGradient = 25,
  sampleTokens = 26,
  copyRows = 27,
  dropout = 28,
  embed = 29,
  sumRows = 30,
  peak = 40,
}

/** Computes tiles first … end − 1 of a kernel. */
export function runTiles(kernel: i32, args: usize, first: i32, end: i32): void {
  if (isNative(kernel)) nativeTiles(kernel, args, first, end)
  else for (let tile = first; tile < end; tile++) runTile(kernel, args, tile)
}

function runTile(kernel: i32, args: usize, tile: i32): void {
  switch (kernel) {
    case KernelId.gemm:
      gemmTile(args, tile)
      return
    case KernelId.attention:
      attentionTile(args, tile)
      return
    case KernelId.attentionQueryGradient:
      attentionQueryGradientTile(args, tile)
      return
    case KernelId.attentionKeyGradient:
      attentionKeyGradientTile(args, tile)
      return
    case KernelId.attentionPanels:
      attentionPanelsTile(args, tile)
      return
    case KernelId.attentionPanelCopy:
      attentionPanelCopyTile(args, tile)
      return
    case KernelId.add:
      addTile(args, tile)
      return
    case KernelId.rmsNorm:
      rmsNormTile(args, tile)
      return
    case KernelId.rope:
      ropeTile(args, tile)
      return
    case KernelId.swiglu:
      swigluTile(args, tile)
      return
    case KernelId.logSoftmax:
      logSoftmaxTile(args, tile)
      return
    case KernelId.logSoftmaxGradient:
      logSoftmaxGradientTile(args, tile)
      return
    case KernelId.sampleTokens:
      sampleTokensTile(args, tile)
      return
    case KernelId.copyRows:
      copyRowsTile(args, tile)
      return
    case KernelId.dropout:
      dropoutTile(args, tile)
      return
    case KernelId.embed:
      embedTile(args, tile)
      return
    case KernelId.sumRows:
      sumRowsTile(args, tile)
      return
    case KernelId.peak:
      peakTile(args, tile)
      return
  }
}
