import type { Node } from './node.js'

/** The nodes that some are made of, themselves too, each once: inputs stand before what is made of them. */
export function orderOf(roots: readonly Node[]): Node[] {
  const order: Node[] = []
  const seen = new Set<Node>()
  // Depth first without recursion: graphs are deep.
  const open = [...roots]
  while (open.length > 0) {
    const one = open.at(-1)!
    const waiting = seen.has(one) ? [] : one.inputs.filter((input) => !seen.has(input))
    if (waiting.length > 0) {
      open.push(...waiting)
      continue
    }
    open.pop()
    if (seen.has(one)) continue
    seen.add(one)
    order.push(one)
  }
  return order
}
