import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const known = new Map<string, string | null>()

/**
 * A Python that can import the given packages: GRPO_TS_PYTHON, the project's own environment beside the repository, or
 * python3. Skips the running test with a line that says what was missing; `npm run test:interop` installs all of them.
 */
export function pythonWith(test: Mocha.Context, ...packages: string[]): string {
  const key = packages.join()
  if (!known.has(key)) known.set(key, candidates().find((python) => canImport(python, packages)) ?? null)
  const python = known.get(key)
  if (python != null) return python
  console.log(`      skipped: no Python with ${packages.join(', ')} (set GRPO_TS_PYTHON, or: npm run test:interop)`)
  test.skip()
}

function candidates(): string[] {
  const { GRPO_TS_PYTHON: chosen } = process.env
  if (chosen !== undefined && chosen !== '') return [chosen]
  const root = path.resolve(import.meta.dirname, '..')
  const beside = ['../venv/bin/python', '../../venv/bin/python'].map((file) => path.resolve(root, file))
  return [...beside.filter((file) => fs.existsSync(file)), 'python3']
}

function canImport(python: string, packages: readonly string[]): boolean {
  // Looking them up takes milliseconds, importing torch takes seconds.
  const program = `import importlib.util as u, sys; sys.exit(not all(u.find_spec(p) for p in ${JSON.stringify(packages)}))`
  return spawnSync(python, ['-c', program], { stdio: 'ignore' }).status === 0
}
