import { z } from 'zod'
import { option } from '../options/schema.js'
import { deviceKinds } from '../xla/devices.js'
import { precisions } from './engine.js'
import { engineChoices, engines } from './registry.js'

const summaries = engines.map(({ name, summary }) => `${name}, ${summary}`).join('; ')

/** What computes, as options of all that load a model. */
export const engineOptions = {
  engine: option(z.enum(engineChoices), 'auto', `What computes: auto, the first that works here; ${summaries}.`),
  threads: option(z.int().min(1).max(256).nullable(), null, 'Threads of the cpu engine; null = the number of cores.'),
  device: option(
    z.enum(['auto', ...deviceKinds]),
    'auto',
    'What the engines xla and tensorflow compute on: auto, the first that works here, cpu the last.',
  ),
  precision: option(
    z.enum(['auto', ...precisions]),
    'auto',
    'What the engines xla and tensorflow compute in: auto, bfloat16 on cards that have it and float32 on CPUs.',
  ),
}
