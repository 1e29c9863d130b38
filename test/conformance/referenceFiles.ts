import fs from 'node:fs'
import path from 'node:path'
import { Safetensors } from './api.js'
import type { Row } from './compare.js'
import { Reading } from './reading.js'
import { ReferenceTensors } from './referenceTensors.js'

/** What a part gets to run a file. */
export interface ReferenceContext {
  /** The folder of reference files. */
  readonly root: string
  /** Finds the model that a folder of reference files refers to but does not hold. */
  modelFolder(): string
  /** What was read of each file, by its path in the folder. */
  readonly readings: Map<string, Reading | ReferenceTensors>
}

/** A part of the reference files and how to run them. */
export interface Part {
  readonly name: string
  /** The files, by their path in the folder, that it runs. */
  readonly matches: RegExp
  /** Files that it reads along with them. */
  readonly alsoReads?: RegExp
  run(file: string, context: ReferenceContext): AsyncIterable<Row> | Iterable<Row>
}

/** All files under a folder, with `/` between the parts of their paths, sorted. */
export function listFiles(root: string): string[] {
  return fs
    .readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'))
    .sort()
}

const notFinite = new Map<unknown, number>([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
])

/** Reads a JSON file; what is taken from it is noted. */
export function readJson(context: ReferenceContext, file: string): unknown {
  return read(context, file, (_, value) => value)
}

/** Reads a JSON file of numbers, in which those that are not finite are strings; what is taken from it is noted. */
export function readNumbers(context: ReferenceContext, file: string): unknown {
  return read(context, file, (_, value) => notFinite.get(value) ?? value)
}

function read(
  { root, readings }: ReferenceContext,
  file: string,
  revive: (key: string, value: unknown) => unknown,
): unknown {
  const known = readings.get(file)
  if (known instanceof Reading) return known.document
  const reading = new Reading(JSON.parse(fs.readFileSync(path.join(root, file), 'utf8'), revive) as unknown)
  readings.set(file, reading)
  return reading.document
}

/** Opens a file of tensors; those that are taken from it are noted. */
export function openTensors({ root, readings }: ReferenceContext, file: string): ReferenceTensors {
  const known = readings.get(file)
  const tensors = new ReferenceTensors(
    Safetensors.open(path.join(root, file)),
    known instanceof ReferenceTensors ? known.read : new Set(),
  )
  readings.set(file, tensors)
  return tensors
}

/** Reads fields that say how a reference was made and hold nothing to compare. */
export function describing<T extends object>(record: T, ...names: (keyof T)[]): void {
  for (const name of names) void JSON.stringify(record[name])
}

/** A record without some of its entries, which are not read. */
export function omit<T extends object, K extends keyof T>(record: T, ...names: K[]): Omit<T, K> {
  const kept = Object.keys(record).filter((name) => !names.includes(name as K))
  return Object.fromEntries(kept.map((name) => [name, record[name as keyof T]])) as Omit<T, K>
}
