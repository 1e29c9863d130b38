import { z } from 'zod'
import { camelCase } from '../../../options/names.js'
import { expectation } from '../../../options/schema.js'

/** What can sample in place of the policy's own engine, by the protocol that it speaks. */
export const rolloutServerEngines = ['vllm', 'sglang'] as const

const url = z.url({ protocol: /^https?$/, error: 'expected an address such as http://127.0.0.1:8000' })

/** The settings of servers that sample. */
export const rolloutServerSettings = z.strictObject({
  engine: z.enum(rolloutServerEngines).describe('The protocol: vllm (also of grpo-ts serve) or sglang.'),
  baseUrl: z
    .union([url.transform((one) => [one]), z.array(url).min(1)])
    .describe('Address of a server, such as http://127.0.0.1:8000, or of several, which share the work.'),
  apiKeyEnv: z
    .string()
    .regex(/^[A-Za-z_]\w*$/)
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
