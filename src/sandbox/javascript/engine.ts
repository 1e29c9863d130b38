import fs from 'node:fs'
import { createRequire } from 'node:module'
import releaseSync from '@jitl/quickjs-wasmfile-release-sync'
import { newQuickJSWASMModuleFromVariant, newVariant } from 'quickjs-emscripten-core'
import type { QuickJSSyncVariant, QuickJSWASMModule } from 'quickjs-emscripten-core'

// Its types describe the CommonJS module, where the default export has one more name.
const variant = releaseSync as unknown as QuickJSSyncVariant
const wasmFile = createRequire(import.meta.url).resolve('@jitl/quickjs-wasmfile-release-sync/wasm')
let compiled: Promise<WebAssembly.Module> | undefined

/** QuickJS with a memory of its own; the code is compiled once in a thread. */
export async function newEngine(): Promise<QuickJSWASMModule> {
  compiled ??= WebAssembly.compile(fs.readFileSync(wasmFile))
  return newQuickJSWASMModuleFromVariant(newVariant(variant, { wasmModule: await compiled }))
}
