import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { ConfigError } from '../../errors.js'
import type { LoraOptions } from '../../model/loraOptions.js'
import { projections } from '../../model/modelTensors.js'
import { option } from '../../options/schema.js'

const error = `expected all-linear or a list of ${projections.join(', ')} (or longer last parts of names), or a regular expression`

/** A module's name or its last parts; the last one is a projection. */
const moduleName = z.string().regex(new RegExp(`^([A-Za-z0-9_]+[.])*(${projections.join('|')})$`), { error })

/** A list of names or, as one text, a regular expression for whole names. */
const modules = z.union([z.string().min(1), z.array(moduleName).min(1)], { error })

/** Options of the adapter, as options of a run. */
export const loraRunOptions = {
  usePeft: option(
    z.boolean(),
    true,
    'Whether a LoRA adapter is trained; false = all weights, of a small model (full fine-tuning).',
  ),
  loraR: option(z.int().positive(), 16, 'Rank of the LoRA adapter.'),
  loraAlpha: option(z.number().positive(), 32, 'The adapter counts loraAlpha / loraR times.'),
  useRslora: option(z.boolean(), false, 'Whether it counts loraAlpha / √loraR times (rank-stabilised LoRA).'),
  loraDropout: option(
    z.number().min(0).lt(1),
    0,
    'Share of the numbers that go into the adapter that the training pass leaves out.',
  ),
  loraTargetModules: option(
    modules,
    'all-linear',
    `Adapted layers: all-linear, some of ${projections.join(', ')}, or a regular expression for whole names.`,
  ),
  excludeModules: option(
    modules.nullable(),
    null,
    'What is left out of them: names, or a regular expression; null = nothing.',
  ),
  layersToTransform: option(
    z
      .union([z.int().nonnegative(), z.array(z.int().nonnegative())], {
        error: 'expected the number of a layer, or a list of them',
      })
      .nullable(),
    null,
    'Decoder layers that are adapted, from 0; null = all.',
  ),
  layersPattern: option(
    z.union([z.string().min(1), z.array(z.string().regex(/^[^,]+$/))]).nullable(),
    null,
    "What stands before a layer's number in the names of modules, here always layers; null = that.",
  ),
  rankPattern: option(
    z.record(z.string(), z.int().positive()),
    {},
    'Rank of some modules, by the end of their names as a regular expression, such as { down_proj: 4 }. As a flag in YAML.',
  ),
  alphaPattern: option(z.record(z.string(), z.number().positive()), {}, 'Alpha of some modules, in the same way.'),
}

type LoraRunOptions = z.output<z.ZodObject<typeof loraRunOptions>>

/** Throws a ConfigError for options of an adapter in a run that trains none. */
export function checkUsePeft(config: LoraRunOptions): void {
  if (config.usePeft) return
  const names = Object.keys(loraRunOptions) as (keyof typeof loraRunOptions)[]
  const given = names.filter(
    (name) => name !== 'usePeft' && !isDeepStrictEqual(config[name], loraRunOptions[name].parse(undefined)),
  )
  if (given.length === 0) return
  throw new ConfigError(
    `usePeft is false, so all weights are trained and there is no adapter for ${given.join(', ')}; leave out the one or the other`,
  )
}

/** The adapter that a run trains. */
export function loraOptionsOf(config: LoraRunOptions & { readonly seed: number }): LoraOptions {
  return {
    r: config.loraR,
    alpha: config.loraAlpha,
    useRslora: config.useRslora,
    dropout: config.loraDropout,
    targetModules: config.loraTargetModules,
    excludeModules: config.excludeModules,
    layersToTransform: config.layersToTransform,
    layersPattern: config.layersPattern,
    rankPattern: config.rankPattern,
    alphaPattern: config.alphaPattern,
    seed: config.seed % 2 ** 32,
  }
}
