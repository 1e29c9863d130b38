import { z } from 'zod'
import type { LoraOptions } from '../../model/loraOptions.js'
import { projections } from '../../model/modelTensors.js'

const error = `expected all-linear or a list of ${projections.join(', ')} (or longer last parts of names), or a regular expression`

/** A module's name or its last parts; the last one is a projection. */
const moduleName = z.string().regex(new RegExp(`^([A-Za-z0-9_]+[.])*(${projections.join('|')})$`), { error })

/** A list of names or, as one text, a regular expression for whole names. */
const modules = z.union([z.string().min(1), z.array(moduleName).min(1)], { error })

/** Options of the adapter, as options of a run. */
export const loraRunOptions = {
  loraR: z.int().positive().default(16).describe('Rank of the LoRA adapter. Defaults to 16.'),
  loraAlpha: z.number().positive().default(32).describe('The adapter counts loraAlpha / loraR times. Defaults to 32.'),
  useRslora: z
    .boolean()
    .default(false)
    .describe('Whether it counts loraAlpha / √loraR times (rank-stabilised LoRA). Defaults to false.'),
  loraDropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe('Share of the numbers that go into the adapter that the training pass leaves out. Defaults to 0.'),
  loraTargetModules: modules
    .default('all-linear')
    .describe(
      `Adapted layers: all-linear, some of ${projections.join(', ')}, or a regular expression for whole names. Defaults to "all-linear".`,
    ),
  excludeModules: modules
    .nullable()
    .default(null)
    .describe('What is left out of them: names, or a regular expression. Defaults to null.'),
  layersToTransform: z
    .union([z.int().nonnegative(), z.array(z.int().nonnegative())], {
      error: 'expected the number of a layer, or a list of them',
    })
    .nullable()
    .default(null)
    .describe('Decoder layers that are adapted, from 0. Defaults to null: all.'),
  layersPattern: z
    .union([z.string().min(1), z.array(z.string().regex(/^[^,]+$/))])
    .nullable()
    .default(null)
    .describe("What stands before a layer's number in the names of modules, here always layers. Defaults to null."),
  rankPattern: z
    .record(z.string(), z.int().positive())
    .default({})
    .describe(
      'Rank of some modules, by the end of their names as a regular expression, such as { down_proj: 4 }. As a flag in YAML. Defaults to {}.',
    ),
  alphaPattern: z
    .record(z.string(), z.number().positive())
    .default({})
    .describe('Alpha of some modules, in the same way. Defaults to {}.'),
}

type LoraRunOptions = z.output<z.ZodObject<typeof loraRunOptions>>

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
