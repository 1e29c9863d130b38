import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ConfigError } from '../../../errors.js'
import { asWriteError, removeQuietly } from '../../../io/atomicWrite.js'
import { digest } from '../../../io/digest.js'
import type { Policy } from '../../../policy/causalLM.js'
import { runFileNames } from '../../../run/fileNames.js'

/** An adapter in a folder, by the name that servers load it with. */
export interface SavedAdapter {
  readonly name: string
  /** Absolute. */
  readonly folder: string
}

/** Where adapters are written, and for whom. */
export interface AdapterFoldersOptions {
  /** Folder of the run, which no other process trains in; another process of the run finds its adapters by it. */
  readonly outputDir?: string | undefined
  /** Defaults to rollout-adapters/ of outputDir, else a temporary folder. */
  readonly adapterDir?: string | undefined
}

/**
 * The adapters that servers sample with: a new name and a new folder for each, since servers keep keys and values by both. The names
 * begin with what is the run's own, so that what an earlier process of the run left behind is known.
 */
export class AdapterFolders {
  readonly #options: AdapterFoldersOptions
  readonly #run: string
  readonly #process: string
  #folder: string | null = null
  #last = { step: -1, times: 0 }

  constructor(options: AdapterFoldersOptions) {
    const { outputDir } = options
    this.#options = options
    // Without a folder there is no run that another process could go on with.
    const run = outputDir === undefined ? random() : digest([os.hostname(), path.resolve(outputDir)]).slice(0, 8)
    this.#run = `grpo-ts-${run}-`
    this.#process = `${this.#run}${random()}-`
  }

  /** Whether an adapter of a server is one of this run, of this process or of an earlier one. */
  isOfRun(name: string): boolean {
    return name.startsWith(this.#run)
  }

  /** Writes the adapter of a policy, in place of all others of the run. Throws a ConfigError for a policy without one, a GrpoError. */
  async save(policy: Policy, step: number): Promise<SavedAdapter> {
    if (!policy.adapter) {
      throw new ConfigError(
        'servers take adapters, and all weights of this policy are trained; train an adapter (usePeft), or sample by the own engine',
      )
    }
    this.#folder ??= this.#findFolder()
    this.#removeAll(this.#folder)
    // A preflight and the run after it both begin with step 0.
    this.#last = { step, times: this.#last.step === step ? this.#last.times + 1 : 0 }
    const name = `${this.#process}step-${step}${this.#last.times === 0 ? '' : `-${this.#last.times}`}`
    const folder = path.join(this.#folder, name)
    await policy.saveAdapter(folder)
    return { name, folder: fs.realpathSync(folder) }
  }

  /** Removes what the run has there, and the folder when it is empty then and none that was given. */
  close(): void {
    const folder = this.#folder
    if (folder === null) return
    this.#folder = null
    this.#removeAll(folder)
    // It may be shared with machines that do not find it again.
    if (this.#options.adapterDir !== undefined) return
    try {
      fs.rmdirSync(folder)
    } catch {
      // It holds what is not the run's, or is gone.
    }
  }

  #findFolder(): string {
    const { outputDir, adapterDir } = this.#options
    if (adapterDir !== undefined) return path.resolve(adapterDir)
    if (outputDir !== undefined) return path.resolve(outputDir, runFileNames.rolloutAdapters)
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-adapters-'))
    // Servers may run as somebody else.
    fs.chmodSync(folder, 0o755)
    return folder
  }

  #removeAll(folder: string): void {
    try {
      if (!fs.existsSync(folder)) return
      for (const name of fs.readdirSync(folder)) if (this.isOfRun(name)) removeQuietly(path.join(folder, name))
    } catch (error) {
      throw asWriteError(folder, error)
    }
  }
}

function random(): string {
  return randomBytes(4).toString('hex')
}
