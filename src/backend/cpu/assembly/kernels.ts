/** The table of kernels: each works on one tile of its result. The numbers are those of `KernelId` in ../runtime.ts. */
import { addTile } from './add'
import { attentionKeyGradientTile, attentionQueryGradientTile, attentionTile } from './attention'
import { copyRowsTile } from './copyRows'
import { dropoutTile } from './dropout'
import { gemmTile } from './gemm'
import { logSoftmaxGradientTile, logSoftmaxTile } from './logSoftmax'
import { peakTile } from './peak'
import { rmsNormTile } from './rmsNorm'
import { ropeTile } from './rope'
import { sampleTokensTile } from './sampling'
import { swigluTile } from './swiglu'

export function runTile(kernel: i32, args: usize, tile: i32): void {
  switch (kernel) {
    case 0:
      gemmTile(args, tile)
      return
    case 10:
      attentionTile(args, tile)
      return
    case 11:
      attentionQueryGradientTile(args, tile)
      return
    case 12:
      attentionKeyGradientTile(args, tile)
      return
    case 20:
      addTile(args, tile)
      return
    case 21:
      rmsNormTile(args, tile)
      return
    case 22:
      ropeTile(args, tile)
      return
    case 23:
      swigluTile(args, tile)
      return
    case 24:
      logSoftmaxTile(args, tile)
      return
    case 25:
      logSoftmaxGradientTile(args, tile)
      return
    case 26:
      sampleTokensTile(args, tile)
      return
    case 27:
      copyRowsTile(args, tile)
      return
    case 28:
      dropoutTile(args, tile)
      return
    case 40:
      peakTile(args, tile)
      return
  }
}
