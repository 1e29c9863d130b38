/**
 * The backend `tensorflow` of the package @tensorflow/tfjs-node-gpu or @tensorflow/tfjs-node, registered in our tfjs: each operation of
 * tfjs is one of TensorFlow's.
 */
import fs from 'node:fs'
import Module, { createRequire } from 'node:module'
import path from 'node:path'
import util from 'node:util'
import * as tf from '../../bundled/tfjs.js'
import { EngineError } from '../../errors.js'

/** tfjs's name of the backend. */
export const TENSORFLOW_BACKEND = 'tensorflow'

/** The packages that bring it, the first one to be preferred. They are peer dependencies, and optional. */
export const TFJS_NODE_PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const

/** A package that is installed. */
export interface TfjsNode {
  readonly name: (typeof TFJS_NODE_PACKAGES)[number]
  readonly folder: string
  /** Its addon, tfjs_binding.node. */
  readonly binding: string
}

/** What tfjs-node's addon says of itself; its other functions are called by its own backend. */
interface Binding {
  readonly TF_Version: string
  isUsingGpuDevice(): boolean
}

/** The class of tfjs-node's backend. */
type BackendClass = new (binding: Binding, packageName: string) => tf.KernelBackend

/** What the backend computes with. */
export interface TfjsNodeBackend {
  readonly package: TfjsNode['name']
  /** Of TensorFlow. */
  readonly version: string
  readonly isOnGpu: boolean
}

/** What tfjs-node takes from `node:util` and newer versions of Node do not have. */
const FORMER_UTIL = {
  isArray: (value: unknown) => Array.isArray(value),
  isNullOrUndefined: (value: unknown) => value === null || value === undefined,
}

const ADVICE = `npm install ${TFJS_NODE_PACKAGES[0]} (NVIDIA GPUs, CUDA 11) or ${TFJS_NODE_PACKAGES[1]} (CPU) beside grpo-ts`

/** The package that is installed, or why none can be used. */
export function findTfjsNode(
  /** Resolves packages. Defaults to Node's own way from here. */
  require: NodeJS.Require = createRequire(import.meta.url),
): TfjsNode | string {
  const problems: string[] = []
  for (const name of TFJS_NODE_PACKAGES) {
    const found = inspect(name, require)
    if (typeof found !== 'string') return found
    if (found !== '') problems.push(found)
  }
  return `${problems.join('; ') || 'no package of TensorFlow is installed'}; ${ADVICE}`
}

let registered: TfjsNodeBackend | null = null

/** Registers the backend; once in a process. Throws an EngineError when the package cannot be loaded. */
export function registerTfjsNode(
  { name, folder, binding: file }: TfjsNode,
  /** Not to use a GPU that is there; later calls do not change it. Defaults to false. */
  onCpu = false,
): TfjsNodeBackend {
  if (registered) return registered
  if (onCpu) process.env.CUDA_VISIBLE_DEVICES = '-1'
  // TensorFlow logs on the process's stderr whatever it finds or misses.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
  for (const [key, value] of Object.entries(FORMER_UTIL)) if (!(key in util)) Object.assign(util, { [key]: value })
  const require = createRequire(path.join(folder, 'package.json'))
  try {
    const binding = require(file) as Binding
    const Backend = loadBackend(require, folder)
    const backend = new Backend(binding, name)
    tf.registerBackend(TENSORFLOW_BACKEND, () => backend)
    registered = { package: name, version: binding.TF_Version, isOnGpu: binding.isUsingGpuDevice() }
    return registered
  } catch (cause) {
    throw new EngineError(`${name} (${folder}) cannot be loaded: ${(cause as Error).message}`, { cause })
  }
}

/** A package as it is installed, why it cannot be used, or '' when it is not there. */
function inspect(name: TfjsNode['name'], require: NodeJS.Require): TfjsNode | string {
  let manifest: string
  try {
    manifest = require.resolve(`${name}/package.json`)
  } catch {
    return ''
  }
  const folder = path.dirname(manifest)
  // danfojs-node asks for tfjs-node, and who does not want its download overrides that with tfjs.
  const { name: actual } = JSON.parse(fs.readFileSync(manifest, 'utf8')) as { name: string }
  if (actual !== name) return `${folder} holds ${actual} under the name of ${name}, by an override of npm`
  const versions = fs.existsSync(path.join(folder, 'lib')) ? fs.readdirSync(path.join(folder, 'lib')) : []
  const addons = versions.map((version) => path.join(folder, 'lib', version, 'tfjs_binding.node')).sort()
  const binding = addons.findLast((file) => fs.existsSync(file))
  if (!binding) return `${folder} has no addon, for its install script did not run or could not download it`
  return { name, folder, binding }
}

/**
 * The backend's class, after its kernels are registered. All of it requires `@tensorflow/tfjs`, which would be a tfjs of its own,
 * with an engine, tensors and kernels that ours knows nothing of: it gets ours in its place. What others have loaded of the package
 * stays theirs.
 */
function loadBackend(require: NodeJS.Require, folder: string): BackendClass {
  const { cache } = require
  const before = { ...cache }
  const own = path.join(folder, 'dist') + path.sep
  const replaced = ['@tensorflow/tfjs', '@tensorflow/tfjs-core'].map((name) => require.resolve(name))
  const forget = (): void => {
    for (const file of Object.keys(cache)) {
      if (file.startsWith(own) || replaced.includes(file)) Reflect.deleteProperty(cache, file)
    }
  }
  const exports = { ...tf, KernelBackend: callableKernelBackend() }
  try {
    forget()
    for (const file of replaced) cache[file] = Object.assign(new Module(file), { exports, loaded: true })
    require('./dist/register_all_kernels')
    return (require('./dist/nodejs_kernel_backend') as { NodeJSKernelBackend: BackendClass }).NodeJSKernelBackend
  } finally {
    forget()
    Object.assign(cache, before)
  }
}

/** tfjs-node's class is compiled to a function that calls the class above it, which a class does not allow. */
function callableKernelBackend(): () => void {
  const callable = (): void => undefined
  return Object.assign(callable, { prototype: tf.KernelBackend.prototype })
}
