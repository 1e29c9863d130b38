import { gpuUse, describeCards } from './setup/gpuUse.js'
import { readGraphics } from './setup/graphics.js'
import { installedPlugins } from './setup/installed.js'
import type { InstalledPlugin } from './setup/installed.js'
import { loadPjrtAddon } from './runtime/addon.js'
import { GrpoError } from '../errors.js'

/** Graphics cards, and whether they can be used or what stands in the way. */
export function describeGpu(): string {
  const graphics = readGraphics()
  const { finding } = gpuUse({
    graphics,
    plugins: pluginsOrProblem().plugins,
    addonProblem: addonProblem(),
    platform: process.platform,
    architecture: process.arch,
    visibleDevices: process.env.CUDA_VISIBLE_DEVICES ?? null,
  })
  return [describeCards(graphics), finding].filter((part) => part !== null).join(': ')
}

/** The plugins of XLA that are installed, and what is wrong with the addon that loads them. */
export function describePlugins(): string {
  const { plugins, problem } = pluginsOrProblem()
  const names = plugins.map(({ device, name, version, file }) =>
    device === null ? `${file} (GRPO_TS_XLA_PLUGIN)` : `${device}: ${name} ${version}`,
  )
  const installed = names.length === 0 ? 'no plugin is installed (grpo-ts setup xla)' : names.join(', ')
  return [installed, problem, addonProblem()].filter((part) => part !== null).join('; ')
}

function pluginsOrProblem(): { plugins: readonly InstalledPlugin[]; problem: string | null } {
  try {
    return { plugins: installedPlugins(), problem: null }
  } catch (error) {
    if (!(error instanceof GrpoError)) throw error
    return { plugins: [], problem: error.message }
  }
}

function addonProblem(): string | null {
  try {
    loadPjrtAddon()
    return null
  } catch (error) {
    if (!(error instanceof GrpoError)) throw error
    return error.message
  }
}
