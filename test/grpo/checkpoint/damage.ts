import fs from 'node:fs'
import path from 'node:path'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { listCheckpoints } from '../../../src/run/checkpointFolders.js'

/** Draws a whole number from 0 to below `end`. */
type Draw = (end: number) => number

/** What can happen to the files of a run's newest checkpoint; returns what it was, or null when it would change nothing. */
type Damage = (newest: string, draw: Draw) => string | null

/** The files of a folder and of the folders in it, by their names with slashes. */
function filesOf(folder: string, prefix = ''): string[] {
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) =>
      entry.isDirectory()
        ? filesOf(path.join(folder, entry.name), `${prefix}${entry.name}/`)
        : [`${prefix}${entry.name}`],
    )
}

function pickFile(folder: string, draw: Draw): { name: string; file: string; bytes: Buffer } {
  const names = filesOf(folder)
  const name = names[draw(names.length)]!
  const file = path.join(folder, name)
  return { name, file, bytes: fs.readFileSync(file) }
}

/** The same file in another checkpoint of the run, if it has other bytes there. */
function inAnother(newest: string, name: string, draw: Draw): { step: number; bytes: Buffer } | null {
  const outputDir = path.resolve(newest, '../..')
  const others = listCheckpoints(outputDir).filter(({ folder }) => folder !== newest)
  const { step, folder } = others[draw(others.length)]!
  const file = path.join(folder, name)
  if (!fs.existsSync(file) || fs.readFileSync(file).equals(fs.readFileSync(path.join(newest, name)))) return null
  return { step, bytes: fs.readFileSync(file) }
}

/** All numbers in a JSON text, as places of it. */
function numbersIn(text: string): { start: number; end: number }[] {
  return [...text.matchAll(/(?<=[:[,]\s*)-?\d+(?:\.\d+)?(?:e[+-]\d+)?(?=\s*[,}\]])/g)].map(({ index, 0: number }) => ({
    start: index,
    end: index + number.length,
  }))
}

const damages: readonly Damage[] = [
  function flipBits(newest, draw) {
    const { name, file, bytes } = pickFile(newest, draw)
    const count = 1 + draw(8)
    const before = Buffer.from(bytes)
    for (let i = 0; i < count; i++) bytes[draw(bytes.length)]! ^= 1 << draw(8)
    if (bytes.equals(before)) return null
    fs.writeFileSync(file, bytes)
    return `${count} bits of ${name} flipped`
  },
  function truncate(newest, draw) {
    const { name, file, bytes } = pickFile(newest, draw)
    const length = draw(bytes.length)
    fs.truncateSync(file, length)
    return `${name} cut to ${length} of ${bytes.length} bytes`
  },
  function append(newest, draw) {
    const { name, file, bytes } = pickFile(newest, draw)
    fs.appendFileSync(file, bytes.subarray(0, 1 + draw(bytes.length)))
    return `${name} longer`
  },
  function zero(newest, draw) {
    const { name, file, bytes } = pickFile(newest, draw)
    const start = draw(bytes.length)
    const end = start + 1 + draw(bytes.length - start)
    if (bytes.subarray(start, end).every((byte) => byte === 0)) return null
    fs.writeFileSync(file, bytes.fill(0, start, end))
    return `${name} zero from ${start} to ${end}`
  },
  function remove(newest, draw) {
    const { name, file } = pickFile(newest, draw)
    fs.rmSync(file)
    return `${name} deleted`
  },
  function removeFolder(newest) {
    fs.rmSync(path.join(newest, 'adapter'), { recursive: true })
    return 'adapter deleted'
  },
  function swapFiles(newest, draw) {
    const [one, two] = [pickFile(newest, draw), pickFile(newest, draw)]
    if (one.bytes.equals(two.bytes)) return null
    fs.writeFileSync(one.file, two.bytes)
    fs.writeFileSync(two.file, one.bytes)
    return `${one.name} and ${two.name} swapped`
  },
  function mixSteps(newest, draw) {
    const { name, file } = pickFile(newest, draw)
    const other = inAnother(newest, name, draw)
    if (!other) return null
    fs.writeFileSync(file, other.bytes)
    return `${name} of step ${other.step}`
  },
  function mixAllButOne(newest, draw) {
    const { name: kept } = pickFile(newest, draw)
    const changed = filesOf(newest).filter((name) => {
      const other = name === kept ? null : inAnother(newest, name, () => 0)
      if (other) fs.writeFileSync(path.join(newest, name), other.bytes)
      return other
    })
    return changed.length === 0 ? null : `all but ${kept} of another step`
  },
  function otherStep(newest, draw) {
    const others = listCheckpoints(path.resolve(newest, '../..')).filter(({ folder }) => folder !== newest)
    const { step, folder } = others[draw(others.length)]!
    fs.rmSync(newest, { recursive: true })
    fs.cpSync(folder, newest, { recursive: true })
    return `the whole checkpoint of step ${step} in its place`
  },
  function swapSteps(newest, draw) {
    const others = listCheckpoints(path.resolve(newest, '../..')).filter(({ folder }) => folder !== newest)
    const { step, folder } = others[draw(others.length)]!
    fs.renameSync(newest, `${newest}.swapping`)
    fs.renameSync(folder, newest)
    fs.renameSync(`${newest}.swapping`, folder)
    return `names swapped with step ${step}`
  },
  function editNumber(newest, draw) {
    const names = filesOf(newest).filter((name) => name.endsWith('.json'))
    const name = names[draw(names.length)]!
    const file = path.join(newest, name)
    const text = fs.readFileSync(file, 'utf8')
    const numbers = numbersIn(text)
    const { start, end } = numbers[draw(numbers.length)]!
    const value = Number(text.slice(start, end))
    const changed = [value + 1, value + 2 ** draw(31), value - 1, value + 0.5][draw(4)]!
    fs.writeFileSync(file, `${text.slice(0, start)}${changed}${text.slice(end)}`)
    return `${text.slice(start, end)} in ${name} is now ${changed}`
  },
  function editRandomState(newest, draw) {
    const file = path.join(newest, 'trainer_state.json')
    const state = JSON.parse(fs.readFileSync(file, 'utf8')) as { prompts: { random: number[] } }
    state.prompts.random[draw(4)]! ^= 1 << draw(31)
    fs.writeFileSync(file, JSON.stringify(state, null, 2))
    return 'random state changed'
  },
  function editCounter(newest, draw) {
    const file = path.join(newest, 'trainer_state.json')
    const state = JSON.parse(fs.readFileSync(file, 'utf8')) as Record<string, unknown>
    const names = ['step', 'microStep', 'numTokens', 'rolloutAge', 'skippedSteps', 'evaluationsSinceBest']
    const name = names[draw(names.length)]!
    fs.writeFileSync(file, JSON.stringify({ ...state, [name]: Number(state[name]) + 1 }, null, 2))
    return `${name} changed`
  },
  function removeLine(newest, draw) {
    const file = path.join(newest, 'SHA256SUMS')
    const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n')
    const [line] = lines.splice(draw(lines.length), 1)
    // Without their line the rollouts do not belong to the checkpoint; they are sampled again.
    if (line!.includes('rollouts')) return null
    fs.writeFileSync(file, `${lines.join('\n')}\n`)
    return `the line of ${line!.slice(66)} in SHA256SUMS deleted`
  },
]

/**
 * Damages checkpoints of a run in a way that the seed decides: the newest, now and then also the one before it, or all. Returns
 * what was done, and whether one is whole still.
 */
export function damageCheckpoints(outputDir: string, seed: number): { what: string; isOneWhole: boolean } {
  const random = xoroshiro128plus(seed)
  // The first numbers of neighbouring seeds are alike.
  for (let i = 0; i < 10; i++) uniformInt(random, 0, 1)
  const draw: Draw = (end) => uniformInt(random, 0, end - 1)
  const all = listCheckpoints(outputDir)
  const count = [all.length, 2, 2][draw(12)] ?? 1
  const done = all.slice(-count).map(({ folder, step }) => {
    for (;;) {
      const damage = damages[draw(damages.length)]!
      // Where several are damaged, these could undo each other.
      if (count > 1 && ['otherStep', 'swapSteps'].includes(damage.name)) continue
      const what = damage(folder, draw)
      if (what !== null) return `step ${step}: ${what}`
    }
  })
  return { what: done.join('; '), isOneWhole: count < all.length }
}
