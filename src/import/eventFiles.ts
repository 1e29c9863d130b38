import { readScalars } from '../io/tensorBoardReader.js'

/** What was logged of a step. */
export interface LoggedStep {
  readonly step: number
  readonly values: Readonly<Record<string, unknown>>
}

/** The scalars of an event file of TensorBoard, those of a step that stand together at once. Throws a FileFormatError. */
export function* readEvents(file: string): Generator<LoggedStep> {
  let step = 0
  let values: [string, number][] = []
  for (const scalar of readScalars(file)) {
    if (scalar.step !== step && values.length > 0) {
      yield { step, values: Object.fromEntries(values) }
      values = []
    }
    step = scalar.step
    values.push([scalar.tag, scalar.value])
  }
  if (values.length > 0) yield { step, values: Object.fromEntries(values) }
}
