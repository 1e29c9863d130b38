/** A colour, and how many pixels have it. */
interface Color {
  readonly value: number
  readonly count: number
}

/** Colours that are to become one, with their squared distance to it. */
interface Box {
  readonly colors: readonly Color[]
  readonly mean: readonly [red: number, green: number, blue: number]
  /** The channel in which they differ most, and by how much: the sum of squared differences. */
  readonly channel: number
  readonly error: number
}

/** At most `size` colours for those of a picture, and which of them each becomes: the worst box is divided again and again. */
export function paletteOf(
  counts: ReadonlyMap<number, number>,
  size: number,
): { palette: readonly (readonly [number, number, number])[]; indexOf: ReadonlyMap<number, number> } {
  const colors = [...counts].map(([value, count]) => ({ value, count }))
  const boxes = [boxOf(colors)]
  while (boxes.length < size) {
    const worst = boxes.reduce((found, { error }, i) => (error > boxes[found]!.error ? i : found), 0)
    const { colors: divided, channel, mean, error } = boxes[worst]!
    if (error === 0) break
    const isBelow = ({ value }: Color): boolean => channelOf(value, channel) <= mean[channel]!
    boxes.splice(worst, 1, boxOf(divided.filter(isBelow)), boxOf(divided.filter((color) => !isBelow(color))))
  }
  const indexOf = new Map(boxes.flatMap(({ colors: members }, index) => members.map(({ value }) => [value, index])))
  const palette = boxes.map(
    ({ mean: [red, green, blue] }) => [Math.round(red), Math.round(green), Math.round(blue)] as const,
  )
  return { palette, indexOf }
}

function boxOf(colors: readonly Color[]): Box {
  const sums = [0, 0, 0]
  const squares = [0, 0, 0]
  let total = 0
  for (const { value, count } of colors) {
    total += count
    for (let channel = 0; channel < 3; channel++) {
      const level = channelOf(value, channel)
      sums[channel]! += count * level
      squares[channel]! += count * level * level
    }
  }
  const errors = squares.map((square, channel) => {
    // Rounding must not make a difference of none.
    const first = channelOf(colors[0]!.value, channel)
    const differ = colors.some(({ value }) => channelOf(value, channel) !== first)
    return differ ? square - sums[channel]! ** 2 / total : 0
  })
  const channel = errors.indexOf(Math.max(...errors))
  const mean = [sums[0]! / total, sums[1]! / total, sums[2]! / total] as const
  return { colors, mean, channel, error: errors[channel]! }
}

function channelOf(value: number, channel: number): number {
  return (value >> (16 - 8 * channel)) & 255
}
