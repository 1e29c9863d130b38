import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'

/** What an output holds, by MIME type. */
export type MimeBundle = Readonly<Record<string, unknown>> & { readonly 'text/plain': string }

/** An output of a cell that can be shown again in its place. */
export interface Output {
  /** Shows a bundle; from the second time on in place of the one before, also when its cell has ended. */
  show(bundle: MimeBundle): void
}

interface DisplayData {
  readonly data: MimeBundle
  readonly metadata: Readonly<Record<string, unknown>>
  readonly transient: Readonly<Record<string, unknown>>
}

/** The module of tslab that talks to Jupyter. */
interface TslabJupyter {
  lastWriteDisplayData: ((message: DisplayData, update: boolean) => void) | null
}

/**
 * Opens an output. Its first `show` puts it below the cell that runs then. Outside a notebook `show` prints the bundle's
 * `text/plain`, so that the code of a cell also runs as a program.
 */
export function openOutput(): Output {
  const id = randomBytes(8).toString('hex')
  let isShown = false
  return {
    show(bundle) {
      const write = tslabJupyter()?.lastWriteDisplayData
      if (!write) {
        process.stdout.write(`${bundle['text/plain']}\n`)
        return
      }
      write({ data: bundle, metadata: {}, transient: { display_id: id } }, isShown)
      isShown = true
    },
  }
}

/** Shows a bundle below the cell that runs. */
export function showBundle(bundle: MimeBundle): void {
  openOutput().show(bundle)
}

let loaded: TslabJupyter | null = null

/**
 * tslab's public `display` sends one MIME type at a time. What it is made of sends several; it is found among the modules that
 * this process has loaded, since the package does not depend on tslab.
 */
function tslabJupyter(): TslabJupyter | null {
  if (loaded) return loaded
  const { cache } = createRequire(import.meta.url)
  const file = Object.keys(cache).find((name) => /[\\/]tslab[\\/]dist[\\/]jupyter\.js$/.test(name))
  loaded = file === undefined ? null : ((cache[file]?.exports as TslabJupyter | undefined) ?? null)
  return loaded
}
