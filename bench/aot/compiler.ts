import fs from 'node:fs'
import path from 'node:path'
import { ConfigError } from '../../src/errors.js'
import { findPlugin } from '../../src/xla/setup/installed.js'

/** A plugin that compiles for NVIDIA's cards. */
export interface Compiler {
  readonly file: string
  /** Figures are the same for the same compiler only. */
  readonly version: string
}

/** The plugin of a file, or else the installed one. Throws a ConfigError when there is none. */
export function findCompiler(file: string | undefined): Compiler {
  const found = file ?? findPlugin('cuda12')?.file
  if (found === undefined || !fs.existsSync(found)) {
    throw new ConfigError(
      `there is no CUDA plugin${found === undefined ? '' : ` ${found}`}; name one with --plugin, or: grpo-ts setup xla --device cuda12`,
    )
  }
  // As its wheel has it; what setup unpacks lies in a folder of its version.
  const ofWheel = path.join(path.dirname(found), 'version.py')
  const text = fs.existsSync(ofWheel) ? fs.readFileSync(ofWheel, 'utf8') : ''
  const version = /^_version = "([^"]+)"$/m.exec(text)?.[1] ?? /\/cuda12\/([\d.]+)\//.exec(found)?.[1] ?? 'unknown'
  return { file: found, version: `jax-cuda12-pjrt ${version}` }
}
