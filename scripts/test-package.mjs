// Packs the package, installs it in an empty folder as a library, and uses it there: npm run test:package
// Needs the npm registry, or npm's cache. Ends with 1 when anything is not as it should be.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const root = path.resolve(import.meta.dirname, '..')
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-package-'))
/** What an installation may take, in bytes. */
const LIMIT = 120e6
const failures = []

/** Runs a command in the new folder; returns what came of it, and notes it as a failure when it ends with an error. */
function run(what, command, args, cwd = folder) {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', shell: process.platform === 'win32' })
  if (result.status !== 0) failures.push(`${what} ended with ${result.status}:\n${result.stdout}${result.stderr}`)
  return result
}

function check(what, isTrue, output) {
  console.log(`${isTrue ? 'ok' : 'FAILED'}  ${what}`)
  if (!isTrue) failures.push(`${what}:\n${output}`)
}

function sizeOf(folder) {
  const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.reduce(
    (sum, { parentPath, path: parent, name }) => sum + fs.statSync(path.join(parentPath ?? parent, name)).size,
    0,
  )
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`

try {
  const pack = ['pack', '--json', '--silent', '--pack-destination', folder]
  const [packed] = JSON.parse(run('npm pack', 'npm', pack, root).stdout.replace(/^[^[]*/, ''))
  console.log(
    `${packed.filename}: ${packed.entryCount} files, ${megabytes(packed.size)}, unpacked ${megabytes(packed.unpackedSize)}`,
  )

  fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module", "private": true }\n')
  const { stdout, stderr } = run('npm install', 'npm', [
    'install',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    packed.filename,
  ])
  // npm 11.19 warns of `prepare`, which it runs for git repositories only, not for a tarball.
  const output = (stdout + stderr).replace(/^npm warn install-scripts.*$/gm, '')
  check('installs without a warning', !/warn/i.test(output), output)

  const modules = path.join(folder, 'node_modules')
  const size = sizeOf(modules)
  check(`takes ${megabytes(size)}, at most ${megabytes(LIMIT)}`, size <= LIMIT, '')
  const folders = fs.readdirSync(modules).filter((name) => !name.startsWith('.'))
  const packages = folders.flatMap((name) =>
    name.startsWith('@') ? fs.readdirSync(path.join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
  )
  const sizes = packages.map((name) => [name, sizeOf(path.join(modules, name))]).sort(([, a], [, b]) => b - a)
  console.log(
    `    ${packages.length} packages: ${sizes
      .map(([name, bytes]) => `${name} ${megabytes(bytes)}`)
      .slice(0, 8)
      .join(', ')}, …`,
  )

  const { stdout: tasks } = run('npx grpo-ts tasks', 'npx', ['grpo-ts', 'tasks'])
  check('npx grpo-ts tasks', tasks.includes('gsm8k'), tasks)

  fs.writeFileSync(
    path.join(folder, 'reward.ts'),
    `import type { RewardSample } from 'grpo-ts'\nexport default ({ ids }: RewardSample): number => -ids.length\n`,
  )
  fs.writeFileSync(
    path.join(folder, 'library.mjs'),
    `import { GRPOTrainer, loadModel, rewards, tasks } from 'grpo-ts'
const model = await loadModel('word-problems-1m')
const run = { policy: model.withLora(), task: tasks.wordProblems({ limit: 4 }), rewards: [await rewards.loadReward('./reward.ts')] }
const config = { maxSteps: 1, numGenerations: 2, perDeviceTrainBatchSize: 2, maxCompletionLength: 8 }
const [step] = await new GRPOTrainer({ ...run, config }).train()
console.log('loss', step.metrics.loss)
`,
  )
  const { stdout: trained } = run('node library.mjs', process.execPath, ['library.mjs'])
  check('a training step as a library, with a reward in TypeScript', /^loss -?\d/.test(trained), trained)

  // The examples, as somebody's own programs: strict, found in either way, without the types of what the package is made of.
  const examples = fs.readdirSync(path.join(root, 'examples')).filter((name) => name.endsWith('.ts'))
  for (const name of examples) fs.copyFileSync(path.join(root, 'examples', name), path.join(folder, name))
  const strict = '--noEmit --strict --target es2022 --exactOptionalPropertyTypes --noPropertyAccessFromIndexSignature'
  const types = ['--types', 'node', '--typeRoots', path.join(root, 'node_modules/@types')]
  for (const resolution of [
    ['--module', 'nodenext'],
    ['--module', 'esnext', '--moduleResolution', 'bundler'],
  ]) {
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc')
    const { status, stdout } = run('tsc', process.execPath, [
      tsc,
      ...strict.split(' '),
      ...types,
      ...resolution,
      ...examples,
    ])
    check(`the examples compile: ${resolution.join(' ')}`, status === 0, stdout)
  }
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  for (const name of examples) {
    const { status, stderr } = run(name, process.execPath, ['--import', tsx, name, '2'])
    check(`${name} runs`, status === 0, stderr)
  }
} finally {
  fs.rmSync(folder, { recursive: true })
}

for (const failure of failures) console.error(`\n${failure}`)
process.exitCode = failures.length > 0 ? 1 : 0
