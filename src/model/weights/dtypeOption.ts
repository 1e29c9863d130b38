import { z } from 'zod'
import { option } from '../../options/schema.js'
import { weightDtypes } from './weightDtype.js'

/** What the frozen weights are kept in, as an option of all that load a model. */
export const dtypeOption = option(
  z.enum(weightDtypes),
  'auto',
  'What the frozen weights are kept in: auto, as they are stored; float32; int8 or int4, quantised while they are loaded (QLoRA).',
)
