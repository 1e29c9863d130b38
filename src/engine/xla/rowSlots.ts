import type { Sequence } from '../sequence.js'

/** Rows of a group at most: those that share the reading of a prompt's keys and values. */
const GROUP_ROWS = 8

/** Completions of one prompt that are sampled together. */
export interface SequenceGroup {
  readonly promptIds: readonly number[]
  readonly sequences: readonly Sequence[] // [at most the rows of a group]
}

/** A group that was given a slot. */
export interface AdmittedGroup {
  readonly group: SequenceGroup
  readonly slot: number
}

/** Groups that the completions of a prompt are cut into: each computes the prompt, so that there are as few as possible. */
export function groupsOfPrompt(numGenerations: number): number {
  return Math.ceil(numGenerations / GROUP_ROWS)
}

/** How many rows of a prompt are sampled together: groups are as full as they can be. */
export function rowsOfGroup(numGenerations: number): number {
  return Math.ceil(numGenerations / groupsOfPrompt(numGenerations))
}

/** Cuts the completions of each prompt into groups. */
export function sequenceGroups(sequences: readonly (readonly Sequence[])[], rows: number): SequenceGroup[] {
  return sequences.flatMap((ofPrompt) =>
    Array.from({ length: Math.ceil(ofPrompt.length / rows) }, (_, i) => {
      const own = ofPrompt.slice(i * rows, (i + 1) * rows)
      return { promptIds: own[0]!.promptIds, sequences: own }
    }),
  )
}

/** Fixed slots for groups: one whose completions have all ended makes room for the next that waits. */
export class GroupSlots {
  readonly #waiting: SequenceGroup[]
  readonly #slots: (SequenceGroup | null)[]

  constructor(
    groups: readonly SequenceGroup[],
    count: number,
    /** Rows of each slot. */
    private readonly rows: number,
  ) {
    this.#waiting = [...groups]
    this.#slots = new Array<SequenceGroup | null>(count).fill(null)
  }

  /** Frees the slots of groups that have ended and fills free ones; returns those that are new, with their slots. */
  admit(): AdmittedGroup[] {
    const admitted: AdmittedGroup[] = []
    for (const [slot, held] of this.#slots.entries()) {
      if (held?.sequences.some(isGoingOn)) continue
      const group = this.#waiting.shift() ?? null
      this.#slots[slot] = group
      if (group) admitted.push({ group, slot })
    }
    return admitted
  }

  /** The groups in their slots; null for an empty one. */
  get groups(): readonly (SequenceGroup | null)[] {
    return this.#slots
  }

  /** Tokens of the longest completion that goes on. */
  get longest(): number {
    return this.active().reduce((max, row) => Math.max(max, row?.ids.length ?? 0), 0)
  }

  /** The sequences in their rows; null for a row that is empty or whose sequence has ended. */
  active(): (Sequence | null)[] {
    return this.#slots.flatMap((group) =>
      Array.from({ length: this.rows }, (_, i) => {
        const sequence = group?.sequences[i]
        return sequence && isGoingOn(sequence) ? sequence : null
      }),
    )
  }
}

function isGoingOn({ finishReason }: Sequence): boolean {
  return finishReason === null
}
