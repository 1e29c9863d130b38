import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Command } from 'commander'
import { engineOptions } from '../../engine/engineOptions.js'
import { dtypeOption } from '../../model/weights/dtypeOption.js'
import { selectEngine } from '../../engine/registry.js'
import { GrpoError } from '../../errors.js'
import { createTinyModel } from '../../model/tinyModel.js'
import { selfTest } from '../../selftest/selfTest.js'
import type { SelfTestResult } from '../../selftest/selfTest.js'
import type { Streams } from '../terminal/streams.js'
import { modelOptions, nameOption, withModel } from '../terminal/modelOptions.js'
import { schemaFlags } from '../terminal/schemaFlags.js'
import type { Flags } from '../terminal/schemaFlags.js'
import { formatTable, threeDigits } from '../terminal/table.js'
import type { Column } from '../terminal/table.js'

const flags = schemaFlags({
  model: nameOption.optional().describe(`${modelOptions.model.description} Defaults to a tiny one of random weights.`),
  dtype: dtypeOption,
  ...engineOptions,
})

type SelfTestOptions = ReturnType<typeof flags.parse>

export function addSelfTestCommand(program: Command, streams: Streams): void {
  const command = program
    .command('selftest')
    .summary('check that losses, gradients and log-probabilities are right on this machine')
    .description(
      'Checks on an engine, and with a model of your own, that the numbers of training are right: gradients by finite ' +
        'differences, losses against those of TRL, each token scored where it stands. Ends with 0 when all gates are passed.',
    )
  flags.addTo(command)
  command.action((given: Flags) => selfTestCommand(flags.parse('selftest', given), streams))
}

/** Prints a table of the gates. Throws a GrpoError when one is not passed. */
async function selfTestCommand(options: SelfTestOptions, streams: Streams): Promise<void> {
  const folder = options.model ?? createTinyModel(fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-selftest-')))
  try {
    const { name, why } = await selectEngine(options.engine, options)
    streams.stdout.write(`model    ${options.model ?? 'tiny, random weights'}\nengine   ${name}: ${why}\n\n`)
    const results: SelfTestResult[] = []
    await withModel({ ...options, model: folder }, async (model) => {
      for await (const result of selfTest(model)) {
        streams.stderr.write(`${result.passed ? 'passed' : 'FAILED'} ${result.name}\n`)
        results.push(result)
      }
    })
    streams.stdout.write(formatTable(columns, results))
    const failed = results.filter(({ passed }) => !passed)
    if (failed.length === 0) {
      streams.stdout.write(`\nall ${results.length} gates passed\n`)
      return
    }
    throw new GrpoError(
      `${failed.length} of ${results.length} gates failed (${failed.map((each) => each.name).join(', ')}): do not train with ` +
        'this model on this engine; try --engine cpu, and please report it with the table and the output of grpo-ts doctor',
    )
  } finally {
    if (options.model === undefined) fs.rmSync(folder, { recursive: true, force: true })
  }
}

const columns: readonly Column<SelfTestResult>[] = [
  { heading: 'gate', text: ({ name }) => name, left: true },
  { heading: 'result', text: ({ passed }) => (passed ? 'pass' : 'FAIL'), left: true },
  { heading: 'measured', text: ({ measured }) => measured.toExponential(1) },
  { heading: 'allowed', text: ({ allowed }) => allowed.toExponential(0) },
  { heading: 's', text: ({ seconds }) => threeDigits(seconds) },
  { heading: 'what', text: ({ finding }) => finding, left: true },
]
