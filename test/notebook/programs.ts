import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const scripts = path.resolve(import.meta.dirname, '../../scripts')

export interface ProgramResult {
  status: number | null
  stdout: string
  stderr: string
}

/** Runs a program of scripts/ to its end; `onStart` gets the process. */
export function runScript(
  name: string,
  args: readonly string[],
  onStart?: (child: ChildProcess) => void,
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(scripts, name), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
    })
    const result: ProgramResult = { status: null, stdout: '', stderr: '' }
    child.stdout.on('data', (data: Buffer) => (result.stdout += data.toString()))
    child.stderr.on('data', (data: Buffer) => (result.stderr += data.toString()))
    child.once('error', reject)
    child.once('close', (status) => {
      resolve({ ...result, status })
    })
    onStart?.(child)
  })
}

export interface Output {
  output_type: 'stream' | 'display_data' | 'error'
  name?: 'stdout' | 'stderr'
  text?: string[]
  data?: Record<string, string>
  metadata?: object
  ename?: string
  evalue?: string
  traceback?: string[]
}

export interface Cell {
  cell_type: 'code' | 'markdown'
  id: string
  source: string[]
  metadata: { tags?: string[] }
  execution_count?: number | null
  outputs?: Output[]
}

export interface Notebook {
  cells: Cell[]
  nbformat: number
}

export function readNotebook(file: string): Notebook {
  return JSON.parse(fs.readFileSync(file, 'utf8')) as Notebook
}

/** A cell's text on stdout (or stderr), as the notebook holds it. */
export function streamText(cell: Cell, name: 'stdout' | 'stderr' = 'stdout'): string {
  return (cell.outputs ?? []).flatMap((output) => (output.name === name ? (output.text ?? []) : [])).join('')
}

/** A temporary folder that is deleted when `test` has run. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-notebook-'))
  return {
    path: folder,
    remove: () => {
      fs.rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Writes a notebook with these cells, the first one tagged "parameters", and returns its file. */
export async function makeNotebook(folder: string, name: string, cells: readonly string[]): Promise<string> {
  const source = path.join(folder, `${name}.cells.ts`)
  const marks = cells.map((cell, index) => `// %%${index === 0 ? ' tags=["parameters"]' : ''}\n${cell}\n`)
  fs.writeFileSync(source, marks.join('\n'))
  const { status, stderr } = await runScript('notebook-cells.mjs', [source])
  if (status !== 0) throw new Error(stderr)
  return path.join(folder, `${name}.ipynb`)
}
