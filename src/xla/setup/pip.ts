/** Wheels that Python's pip fetches: it knows the index, the proxy and the certificates of this machine. */
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { GrpoError } from '../../errors.js'
import { withoutCredentials } from './source.js'
import type { Transfer, WheelSource } from './source.js'
import { requirement, wheelTags } from './wheels.js'
import type { Wheel } from './wheels.js'

/** Milliseconds that pip may take to say its version. */
const VERSION_TIMEOUT = 20_000
/** The first pip that tells its progress in numbers. */
const RAW_PROGRESS = 24.1
/** Lines of pip's output that an error shows. */
const SHOWN_LINES = 5

/** The pip of this machine; null when there is none. */
export function pipSource(): WheelSource | null {
  for (const [program, ...args] of [['python3', '-m', 'pip'], ['pip3'], ['pip']] as const) {
    const { status, stdout } = spawnSync(program, [...args, '--version'], {
      encoding: 'utf8',
      timeout: VERSION_TIMEOUT,
    })
    const version = status === 0 ? /^pip (\d+\.\d+)/.exec(stdout)?.[1] : undefined
    if (version === undefined) continue
    return {
      name: `pip ${version}`,
      isCopy: true,
      fetch: (wheel, folder, transfer) => download(program, [...args], Number(version), wheel, folder, transfer),
    }
  }
  return null
}

async function download(
  program: string,
  args: readonly string[],
  version: number,
  wheel: Wheel,
  folder: string,
  { onBytes, signal }: Transfer,
): Promise<string> {
  const requirements = path.join(folder, `${wheel.file}.txt`)
  fs.writeFileSync(requirements, requirement(wheel))
  const { python, abi, platforms } = wheelTags(wheel)
  const options = [
    ['--no-deps', '--require-hashes', '--no-input', '--no-cache-dir', '--disable-pip-version-check'],
    // Whatever Python this is: nothing of it runs what is fetched.
    [
      '--only-binary',
      ':all:',
      '--implementation',
      python.slice(0, 2),
      '--python-version',
      python.slice(2),
      '--abi',
      abi,
    ],
    platforms.flatMap((platform) => ['--platform', platform]),
    ['--progress-bar', version >= RAW_PROGRESS ? 'raw' : 'off', '--dest', folder, '--requirement', requirements],
  ].flat()
  try {
    const pip = spawn(program, [...args, 'download', ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      // What pip puts down on the way is as large as the wheel: where there is room for it.
      env: { ...process.env, TMPDIR: folder, PIP_REQUIRE_VIRTUALENV: '0', PYTHONUNBUFFERED: '1' },
    })
    const lines: string[] = []
    createInterface(pip.stdout).on('line', (line) => {
      const done = /^Progress (\d+) of \d+$/.exec(line)
      if (done) onBytes(Number(done[1]))
    })
    createInterface(pip.stderr).on('line', (line) => lines.push(line))
    const status = await new Promise<number | null>((resolve, reject) => {
      pip.on('error', reject).on('close', resolve)
    })
    if (status === 0) return path.join(folder, wheel.file)
    const said = lines.filter((line) => !line.startsWith('WARNING')).slice(-SHOWN_LINES)
    throw new GrpoError(
      `pip could not fetch ${wheel.file}:\n${said.map((line) => `  ${withoutCredentials(line)}\n`).join('')}` +
        'Try again, or without pip: --index https://pypi.org/simple fetches from there, --wheels FOLDER takes files that you have',
    )
  } finally {
    fs.rmSync(requirements, { force: true })
    signal.throwIfAborted()
  }
}
