import fs from 'node:fs'
import path from 'node:path'
import { EngineError } from '../../errors.js'
import type { TfjsNode } from './tfjsNode.js'
import { statusOf } from '../../io/statusOf.js'

/** Where TensorFlow's library is looked for first: the file, or its folder, as `tensorflow` among Python's packages. */
export const LIBRARY_VARIABLE = 'TENSORFLOW_LIBRARY'

/** Its names: in Python's package, and by itself as tfjs-node has it. */
const NAMES = ['libtensorflow_cc.so.2', 'libtensorflow.so.2', 'libtensorflow_cc.2.dylib', 'libtensorflow.2.dylib']

/** TensorFlow's library: what the variable names, else what came with tfjs-node. Throws an EngineError when the variable names nothing. */
export function findTensorflowLibrary(
  /** The package, where it is installed. */
  tfjsNode: TfjsNode | null,
): string | null {
  const named = process.env[LIBRARY_VARIABLE]
  if (!named) return tfjsNode && libraryIn(path.join(tfjsNode.folder, 'deps/lib'))
  const file = statusOf(named)?.isDirectory() ? libraryIn(named) : named
  if (file !== null && fs.existsSync(file)) return file
  throw new EngineError(
    `${LIBRARY_VARIABLE} is '${named}', where there is no library of TensorFlow; expected ${NAMES[0]!}, or the folder that holds it`,
  )
}

function libraryIn(folder: string): string | null {
  return NAMES.map((name) => path.join(folder, name)).find((file) => fs.existsSync(file)) ?? null
}
