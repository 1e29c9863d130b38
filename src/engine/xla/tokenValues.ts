import type { DeviceArray } from '../../xla/runtime/runner.js'
import type { EngineRow, Recording, RecordOptions, TokenValues, ValuesOptions } from '../engine.js'
import { nothingTrained } from '../modelErrors.js'
import { recordRuns, rowRuns, valuesOfRuns } from '../rowRuns.js'
import type { RowRun } from '../rowRuns.js'
import { cutRows, readRows, spreadRows } from './batchLayout.js'
import { ArrayScope, withScope } from './device.js'
import { gradientScale } from './gradientScale.js'
import { compileBackward, compileForward, uploadBatch } from './sequencePrograms.js'
import type { SequenceModel, UploadedBatch } from './sequencePrograms.js'

type Options = Pick<ValuesOptions, 'temperature' | 'dropout'> & { readonly maxTokens: number }

/** Values of the completion tokens of some rows, without gradient. */
export function tokenValues(
  model: SequenceModel,
  rows: readonly EngineRow[],
  { temperature, dropout = null, maxTokens }: Options,
): Promise<TokenValues> {
  const runs = rowRuns(cutRows(rows, maxTokens, model.device.fewestTokens), dropout)
  return valuesOfRuns(runs, (run) =>
    withScope(model.device, async (scope) => {
      const batch = uploadBatch(model, run.rows, { temperature, dropout: run.dropout }, scope)
      return readValues(model, batch, await execute(model, batch, false, scope))
    }),
  )
}

/** The values of some rows, recorded for the gradient. Throws a ConfigError when nothing is trained. */
export async function recordTokens(
  model: SequenceModel,
  rows: readonly EngineRow[],
  options: Options & Pick<RecordOptions, 'known'>,
): Promise<Recording> {
  if (!model.trained) throw nothingTrained()
  return recordRuns(
    rowRuns(cutRows(rows, options.maxTokens, model.device.fewestTokens), options.dropout ?? null),
    (run) => recordRun(model, run, options),
    async () => options.known ?? (await tokenValues(model, rows, options)),
  )
}

async function recordRun(model: SequenceModel, run: RowRun, { temperature }: Options): Promise<Recording> {
  const { device } = model
  const scope = new ArrayScope(device)
  try {
    const batch = uploadBatch(model, run.rows, { temperature, dropout: run.dropout }, scope)
    const [logProbs, entropies, inputs, last] = (await execute(model, batch, true, scope)) as [
      DeviceArray,
      DeviceArray,
      DeviceArray,
      DeviceArray,
    ]
    const values = await readValues(model, batch, [logProbs, entropies])
    return {
      ...values,
      async gradient(dLogProbs, dEntropies, sum) {
        try {
          await addGradient(model, batch, [inputs, last], [dLogProbs, dEntropies], sum)
        } finally {
          scope.free()
        }
        return values.logProbs
      },
      dispose() {
        scope.free()
      },
    }
  } catch (error) {
    scope.free()
    throw error
  }
}

/** Runs the forward program. */
async function execute(
  { device }: SequenceModel,
  { program, inputs }: UploadedBatch,
  keep: boolean,
  scope: ArrayScope,
): Promise<DeviceArray[]> {
  const executable = await compileForward(device, program, keep)
  return device.execute(executable, inputs).map((output) => scope.own(output))
}

async function readValues(
  { device }: SequenceModel,
  { layout }: UploadedBatch,
  [logProbs, entropies]: readonly DeviceArray[],
): Promise<TokenValues> {
  const [read, readEntropies] = await Promise.all([device.read(logProbs!), device.read(entropies!)])
  return { logProbs: readRows(read, layout), entropies: readRows(readEntropies, layout) }
}

/** Runs the backward program and adds what it gives to the sum. */
async function addGradient(
  { device, trained, model }: SequenceModel,
  { program, layout, inputs }: UploadedBatch,
  kept: readonly [DeviceArray, DeviceArray],
  [dLogProbs, dEntropies]: readonly [Float32Array, Float32Array | null],
  sum: Float32Array,
): Promise<void> {
  const executable = await compileBackward(device, program)
  const type = { dtype: 'f32', shape: [layout.shape.groups, layout.shape.rows, layout.shape.tokens] } as const
  const scale = gradientScale(model.weightType, dLogProbs, dEntropies)
  await withScope(device, async (scope) => {
    const given = [dLogProbs, dEntropies ?? new Float32Array(dLogProbs.length)].map((values) =>
      scope.upload(
        spreadRows(
          values.map((value) => value * scale),
          layout,
        ),
        type,
      ),
    )
    const outputs = device.execute(executable, [...inputs, ...kept, ...given]).map((output) => scope.own(output))
    const results = await Promise.all(outputs.map((output) => device.read(output)))
    trained!.addGradients(results, 1 / scale, sum)
  })
}
