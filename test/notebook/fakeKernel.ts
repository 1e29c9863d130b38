import { createRequire } from 'node:module'
import type { MimeBundle } from '../../src/notebook/output.js'

/** What a cell has shown: its outputs in their order, each as it was last shown. */
export interface ShownOutputs {
  readonly outputs: ReadonlyMap<string, MimeBundle>
  /** Of all messages. */
  readonly messages: readonly { id: string; isUpdate: boolean; data: MimeBundle }[]
}

interface DisplayData {
  data: MimeBundle
  transient: { display_id: string }
}

/** Runs something as if tslab's kernel ran it, and returns what it showed. */
export async function inFakeKernel(run: () => void | Promise<void>): Promise<ShownOutputs> {
  const { cache } = createRequire(import.meta.url)
  const file = '/fake/tslab/dist/jupyter.js'
  const outputs = new Map<string, MimeBundle>()
  const messages: { id: string; isUpdate: boolean; data: MimeBundle }[] = []
  cache[file] ??= { exports: {} } as NodeJS.Module
  const kernel = cache[file].exports as Record<string, unknown>
  kernel.lastWriteDisplayData = ({ data, transient: { display_id: id } }: DisplayData, isUpdate: boolean) => {
    outputs.set(id, data)
    messages.push({ id, isUpdate, data })
  }
  try {
    await run()
  } finally {
    kernel.lastWriteDisplayData = null
  }
  return { outputs, messages }
}
