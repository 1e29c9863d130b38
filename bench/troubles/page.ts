/** What docs/troubleshooting.md holds for `npm run bench:troubles`: commands between comments, and places for what they gave. */

/** A trouble that the page provokes and cures. */
export interface Trouble {
  /** The finding that it provokes, or `refused` where the command ends with an error. */
  readonly provokes: string
  /** Metrics that show it. */
  readonly shows: readonly string[]
  /** Lines for a shell that provoke it, and such that do not. */
  readonly provoke: string
  readonly cure: string
  /** What the page says they gave, without the marks around it. */
  readonly measured: string
}

/** Commands of the page, in its order. */
export interface TroublesPage {
  /** Commands that the others need. */
  readonly prepare: string
  readonly troubles: readonly Trouble[]
}

const shell = '```sh\\n([^`]*?)```\\n'
const prepares = new RegExp(`<!-- prepares -->\\n${shell}`)
const troubles = new RegExp(
  `<!-- provokes: ([^;]+?)(?:; shows: (.+?))? -->\\n${shell}<!-- cured -->\\n${shell}<!-- measured -->\\n([^]*?)<!-- end -->`,
  'g',
)

/** Reads the commands out of the page's text. Throws where it has none, or marks that do not go together. */
export function readTroubles(text: string): TroublesPage {
  const prepare = prepares.exec(text)?.[1]
  const found = [...text.matchAll(troubles)].map(([, provokes, shows, provoke, cure, measured]) => ({
    provokes: provokes!,
    shows: shows?.split(', ') ?? [],
    provoke: provoke!,
    cure: cure!,
    measured: measured!,
  }))
  const marks = text.match(/<!-- provokes:/g)?.length ?? 0
  if (prepare === undefined || marks === 0 || marks !== found.length) {
    throw new Error(
      `the page has ${marks} marks <!-- provokes: … -->, and ${found.length} of them with the blocks that belong to one ` +
        `(commands, <!-- cured -->, commands, <!-- measured -->, <!-- end -->); <!-- prepares --> is ${prepare === undefined ? 'missing' : 'there'}`,
    )
  }
  return { prepare, troubles: found }
}

/** The page with what the commands of its trouble number `index` gave. */
export function withMeasured(text: string, index: number, measured: string): string {
  let at = 0
  return text.replaceAll(troubles, (block: string) =>
    at++ === index
      ? block.replace(/<!-- measured -->\n[^]*<!-- end -->/, () => `<!-- measured -->\n${measured}<!-- end -->`)
      : block,
  )
}

/** The folders that a block of commands makes, by its `--output-dir` and `--output`; the last one is the run that is looked at. */
export function foldersOf(commands: string): string[] {
  const folders = [...commands.matchAll(/--output(?:-dir)? (\S+)/g)].map(([, folder]) => folder!)
  if (folders.length === 0 || folders.some((folder) => !/^runs\/[\w/-]+$/.test(folder))) {
    throw new Error(
      `these commands should name folders in runs/ by --output-dir, and name ${folders.join(', ') || 'none'}:\n${commands}`,
    )
  }
  return folders
}
