import type { CausalLM } from '../policy/causalLM.js'
import type { Gate, GateResult } from './gate.js'
import { adapterOff } from './gates/adapterOff.js'
import { nextTokenAlignment, promptConditioning, temperatureParity } from './gates/alignment.js'
import { finiteDifferences } from './gates/finiteDifferences.js'
import { goldenLossesGate } from './gates/goldenLosses.js'
import { batchComposition, microBatches, paddingInvariance } from './gates/invariance.js'

/** Quick ones first: when the losses are wrong there is no need to wait for the others. */
const gates: readonly Gate[] = [
  goldenLossesGate,
  adapterOff,
  nextTokenAlignment,
  promptConditioning,
  temperatureParity,
  paddingInvariance,
  batchComposition,
  microBatches,
  finiteDifferences,
]

/** What one check of {@link selfTest} measured. */
export interface SelfTestResult extends Required<GateResult> {
  /** The check. */
  readonly name: string
  /** Whether what was measured is within what is allowed. */
  readonly passed: boolean
  /** What it took. */
  readonly seconds: number
}

/**
 * Checks on the selected engine, with a model of the user's own, that the numbers of training are what they should be: losses
 * are TRL's, gradients are slopes, tokens are scored where they stand, after their own prompt, at the temperature of sampling, and
 * whatever else is computed with them; the adapter can be switched off.
 */
export async function* selfTest(
  model: CausalLM,
  options: {
    /** Run these gates only. Defaults to all. */
    only?: readonly string[]
  } = {},
): AsyncGenerator<SelfTestResult> {
  for (const { name, run } of gates) {
    if (options.only && !options.only.includes(name)) continue
    const started = performance.now()
    const result = { holds: true, ...(await run(model)) }
    const passed = result.holds && result.measured <= result.allowed
    yield { name, ...result, passed, seconds: (performance.now() - started) / 1000 }
  }
}
