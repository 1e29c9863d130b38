import { z } from 'zod'
import type { PromptSamplerState } from '../rollouts/promptSampler.js'

/** The state of xoroshiro128+. */
const randomState = z.array(z.int()).length(4)

/** The state of the sampler of prompts as it is stored. */
export const promptSamplerSchema = z.object({
  taken: z.int().nonnegative(),
  random: randomState,
  poolRandom: randomState,
  passRates: z.record(z.string(), z.number()),
})

export function storedPrompts(state: PromptSamplerState): z.input<typeof promptSamplerSchema> {
  return { ...state, random: [...state.random], poolRandom: [...state.poolRandom], passRates: { ...state.passRates } }
}
