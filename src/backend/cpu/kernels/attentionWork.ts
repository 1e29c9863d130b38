import type { AttentionSegment } from '../../../ops/attention.js'
import { attentionPairs } from '../../operations.js'
import { GRADIENT_BLOCK } from '../constants.js'

/** A list of work of a kernel as assembly/ describes it: entries of a fixed size, behind them what they point to. */
export interface WorkList {
  readonly words: Int32Array
  readonly entries: number
}

/** What is worked out from some segments once for all layers, forward and backward. */
export interface AttentionWork {
  /** Queries that belong to a segment; segments do not overlap. */
  readonly queries: number
  /** Pairs of a query and a key that it sees. */
  readonly pairs: number
  /** How many panels the keys take, and what packs them; see assembly/attentionPanels.ts. */
  readonly panels: WorkList
  /** Tiles of the forward pass and of dq; see assembly/attention.ts. */
  readonly queryList: (tileQueries: number) => WorkList
  /** Tiles of dk and dv; see assembly/attentionGradient.ts. */
  readonly keyList: (keys: number) => WorkList
}

const works = new WeakMap<readonly AttentionSegment[], AttentionWork>()

export function attentionWork(segments: readonly AttentionSegment[]): AttentionWork {
  const known = works.get(segments)
  if (known) return known
  const used = segments.filter(({ queryLength }) => queryLength > 0)
  const runs = panelRuns(used)
  const work = {
    queries: segments.reduce((sum, { queryLength }) => sum + queryLength, 0),
    pairs: attentionPairs(segments),
    panels: panelList([...runs.values()]),
    queryList: lastResult((tileQueries) => queryList(used, (start) => runs.get(start)!.panel, tileQueries)),
    keyList: lastResult((keys) => keyList(used, runs, keys)),
  }
  works.set(segments, work)
  return work
}

/** A function that keeps what it returned for the last argument. */
function lastResult<T>(f: (argument: number) => T): (argument: number) => T {
  let last: { argument: number; result: T } | null = null
  return (argument) => {
    if (last?.argument !== argument) last = { argument, result: f(argument) }
    return last.result
  }
}

/** Keys that have panels of their own. */
interface PanelRun {
  readonly start: number
  length: number
  readonly panel: number
}

/** The runs of keys that segments see, by their first key. Runs that begin at the same key share the panels. */
function panelRuns(segments: readonly AttentionSegment[]): ReadonlyMap<number, PanelRun> {
  const lengths = new Map<number, number>()
  const add = (start: number, length: number): void => {
    if (length > 0) lengths.set(start, Math.max(length, lengths.get(start) ?? 0))
  }
  for (const { prefixStart, prefixLength, keyStart, keyLength } of segments) {
    add(prefixStart, prefixLength)
    add(keyStart, keyLength)
  }
  const starts = [...lengths.keys()].sort((a, b) => a - b)
  const runs = new Map<number, PanelRun>()
  let end = 0
  let panel = 0
  for (const [i, start] of starts.entries()) {
    const length = lengths.get(start)!
    end = Math.max(end, start + length)
    // The gradient's tiles go from one start to the next, also where only a run that began before goes on.
    const covered = Math.max(length, Math.min(starts[i + 1] ?? end, end) - start)
    runs.set(start, { start, length: covered, panel })
    panel += Math.ceil(covered / 16)
  }
  return runs
}

const PANEL_WORDS = 4

function panelList(runs: readonly PanelRun[]): WorkList {
  const words: number[] = []
  for (const { start, length, panel } of runs) {
    for (let i = 0; i < length; i += 16) words.push(start + i, Math.min(16, length - i), panel + i / 16, 0)
  }
  return { words: Int32Array.from(words), entries: words.length / PANEL_WORDS }
}

/** What writes keys of a batch's tokens to their slots in a cache of panels, of which panel p holds the slots 16 · p … 16 · p + 15. */
export function slotPanelList(slots: ArrayLike<number>): WorkList {
  const words: number[] = []
  for (let row = 0; row < slots.length;) {
    const slot = slots[row]!
    const column = slot % 16
    let rows = 1
    while (column + rows < 16 && slots[row + rows] === slot + rows) rows++
    words.push(row, rows, (slot - column) / 16, column)
    row += rows
  }
  return { words: Int32Array.from(words), entries: words.length / PANEL_WORDS }
}

/**
 * A list of entries and, behind them, the items that they point to. The last two words of an entry are the number of its first item and
 * how many it has; the first of them becomes the item's place in bytes.
 */
function workList(
  entries: readonly number[],
  entryWords: number,
  items: readonly number[],
  itemWords: number,
): WorkList {
  const words = new Int32Array(entries.length + items.length)
  words.set(entries)
  words.set(items, entries.length)
  for (let i = entryWords - 2; i < entries.length; i += entryWords)
    words[i] = (entries.length + entries[i]! * itemWords) * 4
  return { words, entries: entries.length / entryWords }
}

const ENTRY_WORDS = 7
const PIECE_WORDS = 5

/** The segments cut into tiles of queries; short pieces that follow each other and have the prefix in common share a tile. */
export function queryList(
  segments: readonly AttentionSegment[], // with queries
  /** Panel that a run of keys begins with, by its first key. */
  panelOf: (start: number) => number,
  tileQueries: number,
): WorkList {
  const entries: number[] = []
  const items: number[] = []
  /** The entry that is filled: its queries, and what the next piece must have to join them. */
  let last = { first: 0, queries: 0, prefixStart: 0, prefixLength: 0 }
  for (const { queryStart, queryLength, prefixStart, prefixLength, keyStart, keyLength } of segments) {
    const pieces = Math.ceil(queryLength / tileQueries)
    const panel = panelOf(keyStart)
    for (let piece = 0; piece < pieces; piece++) {
      const query = Math.floor((queryLength * piece) / pieces)
      const queries = Math.floor((queryLength * (piece + 1)) / pieces) - query
      const first = queryStart + query
      const isShared = prefixLength > 0 && last.prefixStart === prefixStart && last.prefixLength === prefixLength
      const joins = isShared && last.first + last.queries === first && last.queries + queries <= tileQueries
      if (!joins) {
        last = { first, queries: 0, prefixStart, prefixLength }
        const prefixPanel = prefixLength > 0 ? panelOf(prefixStart) : 0
        entries.push(first, 0, prefixStart, prefixPanel, prefixLength, items.length / PIECE_WORDS, 0)
      }
      items.push(last.queries, queries, keyStart, panel, keyLength - queryLength + query + 1)
      last.queries += queries
      entries[entries.length - ENTRY_WORDS + 1] = last.queries
      entries[entries.length - 1]!++
    }
  }
  return workList(entries, ENTRY_WORDS, items, PIECE_WORDS)
}

const KEY_ENTRY_WORDS = 5
const VISITOR_WORDS = 4

/** Some keys, and the runs of queries that see them. */
interface KeyTile {
  readonly first: number
  readonly keys: number
  readonly panel: number
  readonly visitors: [firstQuery: number, queries: number, keys: number, seen: number][]
}

/** The keys cut into tiles, from each start of a run to the next, those with most to do first. */
function keyList(segments: readonly AttentionSegment[], runs: ReadonlyMap<number, PanelRun>, keys: number): WorkList {
  const tiles: KeyTile[] = []
  const tileAt = new Map<number, number>()
  const starts = [...new Set([0, ...runs.keys()])].sort((a, b) => a - b)
  for (const [i, start] of starts.entries()) {
    tileAt.set(start, tiles.length)
    const end = starts[i + 1] ?? keys
    const panel = runs.get(start)?.panel ?? 0
    for (let first = start; first < end; first += GRADIENT_BLOCK) {
      const count = Math.min(GRADIENT_BLOCK, end - first)
      tiles.push({ first, keys: count, panel: panel + (first - start) / 16, visitors: [] })
    }
  }
  /** Adds a segment's queries to the tiles of a run of keys, of which its first query sees `seen`. */
  const visit = ({ queryStart, queryLength }: AttentionSegment, start: number, length: number, seen: number): void => {
    if (length === 0) return
    for (let i = tileAt.get(start)!; i < tiles.length && tiles[i]!.first < start + length; i++) {
      const { first, keys, visitors } = tiles[i]!
      const count = Math.min(keys, start + length - first)
      const seenHere = Math.min(seen - (first - start), count)
      // Each next query sees one key more; those that see none of these are left out.
      const skipped = Math.max(0, 1 - seenHere)
      const last = visitors.at(-1)
      const seesAll = seenHere === count && last?.[2] === count && last[3] === count
      if (seesAll && last[0] + last[1] === queryStart) last[1] += queryLength
      else visitors.push([queryStart + skipped, queryLength - skipped, count, seenHere + skipped])
    }
  }
  for (const segment of segments) {
    const { queryLength, prefixStart, prefixLength, keyStart, keyLength } = segment
    visit(segment, prefixStart, prefixLength, prefixLength)
    visit(segment, keyStart, keyLength, keyLength - queryLength + 1)
  }
  const work = ({ visitors }: KeyTile): number => visitors.reduce((sum, visitor) => sum + visitor[1], 0)
  tiles.sort((a, b) => work(b) - work(a))
  const entries: number[] = []
  const items: number[] = []
  for (const { first, keys, panel, visitors } of tiles) {
    entries.push(first, keys, panel, items.length / VISITOR_WORDS, visitors.length)
    items.push(...visitors.flat())
  }
  return workList(entries, KEY_ENTRY_WORDS, items, VISITOR_WORDS)
}
