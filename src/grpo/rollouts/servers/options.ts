import { z } from 'zod'
import { ConfigError } from '../../../errors.js'
import { camelCase } from '../../../options/names.js'
import { expectation } from '../../../options/schema.js'
import type { SamplingSettings } from '../../../engine/samplingSettings.js'

/** What can sample in place of the policy's own engine, by the protocol that it speaks. */
export const rolloutServerEngines = ['vllm', 'sglang'] as const

const url = z
  .url({ protocol: /^https?$/, error: 'expected an address such as http://127.0.0.1:8000' })
  // The address stands in files and messages, where no password belongs.
  .refine((text) => !/[@?#]/.test(text), {
    error: 'expected an address without a name, a password or what follows ? and #; a key comes from apiKeyEnv',
  })
  // Clients of OpenAI's protocol are given the one with /v1.
  .transform((text) => text.replace(/\/+$/, '').replace(/\/v1$/, ''))

/** The settings of servers that sample. */
export const rolloutServerSettings = z.strictObject({
  engine: z.enum(rolloutServerEngines).describe('The protocol: vllm (also of grpo-ts serve) or sglang.'),
  baseUrl: z
    .union([url.transform((one) => [one]), z.array(url).min(1)])
    .refine((urls) => new Set(urls).size === urls.length, { error: 'expected each address once' })
    .describe('Address of a server, such as http://127.0.0.1:8000, or of several, which share the work.'),
  model: z
    .string()
    .min(1)
    .optional()
    .describe('Name by which the servers serve the model. Defaults to the only one that they serve.'),
  apiKeyEnv: z
    .string()
    .regex(/^[A-Za-z_]\w*$/, { error: 'expected the name of an environment variable, not the key itself' })
    .optional()
    .describe('Environment variable that holds the key of the servers. Defaults to none: no key is sent.'),
  adapterDir: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder, which the servers see under the same name, for the adapter of each step. Defaults to rollout-adapters/ of the output folder.',
    ),
  timeout: z
    .int()
    .positive()
    .default(600_000)
    .describe('Milliseconds that a server may take for an answer. Defaults to 600000.'),
})

/** The settings of servers that sample, checked. */
export type RolloutServerSettings = z.output<typeof rolloutServerSettings>

/** The same as a user gives them: by their camelCase or snake_case names. */
export const rolloutSchema = z
  .record(z.string(), z.unknown())
  .transform((given, context): RolloutServerSettings => {
    const named = Object.fromEntries(Object.entries(given).map(([name, value]) => [camelCase(name), value]))
    const result = rolloutServerSettings.safeParse(named, { error: expectation })
    if (result.success) return result.data
    for (const { path, message } of result.error.issues) {
      context.issues.push({ code: 'custom', message: [...path.map(String), message].join(': '), input: given })
    }
    return z.NEVER
  })
  .nullable()

type Filters = Pick<SamplingSettings, 'topK' | 'topP' | 'minP' | 'repetitionPenalty'>

/** The options that make servers draw from another distribution than softmax(logits / temperature), by their names. */
function filtersOf({ topK = 0, topP = 1, minP, repetitionPenalty = 1 }: Filters): string[] {
  const on = { topK: topK > 0, topP: topP < 1, minP: (minP ?? 0) > 0, repetitionPenalty: repetitionPenalty !== 1 }
  return Object.entries(on).flatMap(([name, isOn]) => (isOn ? [name] : []))
}

/**
 * How the log-probabilities of servers are related to those of training: those of a filtered distribution, which is what servers tell,
 * say nothing of the whole one.
 */
export function serversAgreement(options: Filters): 'tolerance' | 'recompute' {
  return filtersOf(options).length > 0 ? 'recompute' : 'tolerance'
}

/** What to know of a run whose servers filter; null where they do not. */
export function filterWarning(options: Filters): string | null {
  const filters = filtersOf(options)
  if (filters.length === 0) return null
  return (
    `with ${filters.join(', ')} servers tell log-probabilities of the filtered distribution: those of training are computed anew, ` +
    'and what the servers compute otherwise is neither measured nor corrected'
  )
}

/** Throws a ConfigError for sampling whose log-probabilities would be taken for those of the whole distribution. */
export function checkFilters(options: Filters, agreement: 'tolerance' | 'recompute'): void {
  if (agreement === 'recompute' || filtersOf(options).length === 0) return
  throw new ConfigError(
    `rolloutServers: with ${filtersOf(options).join(', ')} servers tell log-probabilities of the filtered distribution, which are no ` +
      "measure for the whole one; give agreement: 'recompute'",
  )
}
