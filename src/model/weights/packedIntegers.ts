/** Exchanges the halves of every byte: bitsandbytes keeps the even inputs in the upper ones. */
export function swapHalves(codes: Uint8Array): void {
  for (let i = 0; i < codes.length; i++) codes[i] = (codes[i]! >> 4) | (codes[i]! << 4)
}
