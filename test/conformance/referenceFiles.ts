import fs from 'node:fs'
import path from 'node:path'
import type { Row } from './compare.js'

/** What a part gets to run a file. */
export interface ReferenceContext {
  /** The folder of reference files. */
  readonly root: string
  /** Finds the model that a folder of reference files refers to but does not hold. */
  modelFolder(): string
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

/** Reads a JSON file. */
export function readJson({ root }: ReferenceContext, file: string): unknown {
  return JSON.parse(fs.readFileSync(path.join(root, file), 'utf8'))
}

const notFinite = new Map<unknown, number>([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
])

/** Reads a JSON file of numbers, in which those that are not finite are strings. */
export function readNumbers({ root }: ReferenceContext, file: string): unknown {
  const text = fs.readFileSync(path.join(root, file), 'utf8')
  return JSON.parse(text, (_, value: unknown) => notFinite.get(value) ?? value)
}

/** A record without some of its entries. */
export function omit<T extends object, K extends keyof T>(record: T, ...names: K[]): Omit<T, K> {
  const kept = Object.entries(record).filter(([name]) => !names.includes(name as K))
  return Object.fromEntries(kept) as Omit<T, K>
}
