import fs from 'node:fs'
import path from 'node:path'
import { HARDER, HARDER_PROBLEMS, HELD_OUT_PROBLEMS, runOptions, SAMPLES } from '../../src/cli/quickstart/settings.js'
import { resolveModel } from '../../src/hub/resolve.js'
import { sha256 } from '../../src/io/checksums.js'
import { digest } from '../../src/io/digest.js'
import { problemSets } from './problemSets.js'

/** The model that is measured. */
export interface Subject {
  /** As it was named: an embedded model, a folder, a Hub id. */
  readonly model: string
  readonly folder: string
  /** Of all that results depend on: the model's files, the options of the quickstart, and the problems. */
  readonly checksum: string
}

/** Finds a model, downloading it if need be. Throws a HubError or FileFormatError when there is none. */
export async function subjectOf(model: string): Promise<Subject> {
  const { folder } = await resolveModel(model)
  const names = fs.readdirSync(folder).filter((name) => /\.(json|safetensors)$/.test(name))
  const files = names.sort().map((name) => [name, sha256(path.join(folder, name))])
  const options = Object.entries(runOptions).filter(([name]) => name !== 'model')
  const questions = problemSets.flatMap(({ task }) =>
    [task('train', 100), task('test', 100)].flatMap(({ problems }) => problems.map(({ question }) => question)),
  )
  const settings = [options, HELD_OUT_PROBLEMS, SAMPLES, HARDER.map(({ variant }) => variant), HARDER_PROBLEMS]
  return { model, folder, checksum: digest([files, settings, questions]) }
}
