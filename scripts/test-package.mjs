// Packs the package, installs it in an empty folder as a user does, and uses it there, on several versions of Node:
//   npm run test:package -- [VERSION of Node …] [--whole]      default: the Node that runs this
// Every version: npx, import and require, a training step, the examples, and the beginning of the quickstart, which Ctrl-C ends; with
// --whole all of the quickstart. The first one also compiles the examples. Needs the npm registry, or npm's cache. Ends with 1 when
// anything is not as it should be.
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { findNode, isNodeVersion } from './nodes.mjs'

const root = path.resolve(import.meta.dirname, '..')
const isWindows = process.platform === 'win32'
/** What an installation may take, in bytes. */
const LIMIT = 120e6
const failures = []

function check(what, isTrue, output = '') {
  console.log(`${isTrue ? 'ok' : 'FAILED'}  ${what}`)
  if (!isTrue) failures.push(`${what}:\n${output}`)
}

/** Where users work: an empty folder, and commands in it that run on one version of Node. */
function emptyFolder(node) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-package-'))
  // npm and npx are programs of node's: they run on the first one of the path.
  const env = { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}` }
  const write = (name, text) => fs.writeFileSync(path.join(folder, name), text)
  write('package.json', '{ "type": "module", "private": true }\n')

  /** Runs a command to its end; one that fails is noted. */
  const run = (command, args) => {
    const shell = isWindows && command !== node
    const result = spawnSync(command, args, { cwd: folder, env, encoding: 'utf8', shell })
    if (result.status !== 0) {
      const ended = result.error?.message ?? result.signal ?? result.status
      failures.push(`${command} ${args.join(' ')} ended with ${ended}:\n${result.stdout}${result.stderr}`)
    }
    return result
  }
  return { node, folder, env, write, run }
}

function sizeOf(folder) {
  const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.reduce(
    (sum, { parentPath, path: parent, name }) => sum + fs.statSync(path.join(parentPath ?? parent, name)).size,
    0,
  )
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`

function checkInstallation(consumer, tarball) {
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball]
  const { stdout, stderr } = consumer.run('npm', args)
  // npm 11.19 warns of `prepare`, which it runs for git repositories only, not for a tarball.
  const output = (stdout + stderr).replace(/^npm warn install-scripts.*$/gm, '')
  check('installs without a warning', !/warn/i.test(output), output)
  const modules = path.join(consumer.folder, 'node_modules')
  const size = sizeOf(modules)
  check(`takes ${megabytes(size)}, at most ${megabytes(LIMIT)}`, size <= LIMIT)
  const folders = fs.readdirSync(modules).filter((name) => !name.startsWith('.'))
  const packages = folders.flatMap((name) =>
    name.startsWith('@') ? fs.readdirSync(path.join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
  )
  const sizes = packages.map((name) => [name, sizeOf(path.join(modules, name))]).sort(([, a], [, b]) => b - a)
  const largest = sizes.slice(0, 8).map(([name, bytes]) => `${name} ${megabytes(bytes)}`)
  console.log(`    ${packages.length} packages: ${largest.join(', ')}, …`)
}

/** By import and by require, every entry point. */
function checkModules(consumer) {
  const { exports } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
  const names = Object.keys(exports).filter((name) => !name.endsWith('.json'))
  const entries = JSON.stringify(names.map((name) => `grpo-ts${name.slice(1)}`))
  const tell = 'console.log(names.map((name, i) => `${name} ${Object.keys(all[i]).length > 5}`).join())'
  consumer.write(
    'all.mjs',
    `const names = ${entries}\nconst all = await Promise.all(names.map((name) => import(name)))\n${tell}\n`,
  )
  consumer.write('all.cjs', `const names = ${entries}\nconst all = names.map((name) => require(name))\n${tell}\n`)
  for (const [how, file] of [
    ['import', 'all.mjs'],
    ['require', 'all.cjs'],
  ]) {
    const { stdout, stderr } = consumer.run(consumer.node, [file])
    const loaded = stdout.split(',').filter((entry) => entry.trim().endsWith(' true'))
    check(`${how} of ${names.length} entry points`, loaded.length === names.length, stdout + stderr)
  }
}

function checkTraining(consumer) {
  consumer.write(
    'reward.ts',
    `import type { RewardSample } from 'grpo-ts'\nexport default ({ ids }: RewardSample): number => -ids.length\n`,
  )
  const checkpoints = path.join(root, 'checkpoints')
  const [model] = fs
    .readdirSync(checkpoints)
    .filter((name) => fs.existsSync(path.join(checkpoints, name, 'config.json')))
  consumer.write(
    'library.mjs',
    `import { GRPOTrainer, loadModel, rewards, tasks } from 'grpo-ts'
const model = await loadModel('${model}')
const run = { policy: model.withLora(), task: tasks.wordProblems({ limit: 4 }), rewards: [await rewards.loadReward('./reward.ts')] }
const config = { maxSteps: 1, numGenerations: 2, perDeviceTrainBatchSize: 2, maxCompletionLength: 8 }
const [step] = await new GRPOTrainer({ ...run, config }).train()
console.log('loss', step.metrics.loss)
`,
  )
  const { stdout } = consumer.run(consumer.node, ['library.mjs'])
  check('a training step as a library, with a reward in TypeScript', /^loss -?\d/.test(stdout), stdout)
}

/** `npx grpo-ts quickstart`: all of it, or until its first step, when Ctrl-C has it save and end. */
async function checkQuickstart(consumer, isWhole) {
  if (isWhole) {
    const { stdout, status } = consumer.run('npx', ['grpo-ts', 'quickstart'])
    const [, accuracy] = /^problem accuracy +(.*)$/m.exec(stdout) ?? []
    check(`npx grpo-ts quickstart: ${accuracy}`, status === 0 && accuracy !== undefined, stdout)
    return
  }
  const { folder: cwd, env } = consumer
  // A group of its own: as in a terminal, all of it gets Ctrl-C.
  const child = spawn('npx', ['grpo-ts', 'quickstart'], { cwd, env, detached: true })
  let output = ''
  const read = (chunk) => {
    const had = output.includes('step   1/')
    output += chunk
    if (!had && output.includes('step   1/')) process.kill(-child.pid, 'SIGINT')
  }
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  const code = await new Promise((resolve) => child.once('close', (status, signal) => resolve(signal ?? status)))
  const saved = fs.existsSync(path.join(cwd, 'runs/quickstart/checkpoints'))
  const [, base] = /^base +(.*)$/m.exec(output) ?? []
  check(`npx grpo-ts quickstart: ${base}, a step, Ctrl-C saves`, (code === 130 || code === 'SIGINT') && saved, output)
}

/** The examples, as somebody's own programs: strict, found in either way, without the types of what the package is made of. */
function checkTypes(consumer, examples) {
  const strict = '--noEmit --strict --target es2022 --exactOptionalPropertyTypes --noPropertyAccessFromIndexSignature'
  const types = ['--types', 'node', '--typeRoots', path.join(root, 'node_modules/@types')]
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc')
  for (const resolution of [
    ['--module', 'nodenext'],
    ['--module', 'esnext', '--moduleResolution', 'bundler'],
  ]) {
    const args = [tsc, ...strict.split(' '), ...types, ...resolution, ...examples]
    const { status, stdout } = consumer.run(process.execPath, args)
    check(`the examples compile: ${resolution.join(' ')}`, status === 0, stdout)
  }
}

/** Packs the working copy into a folder; returns the tarball. */
function pack(folder) {
  const args = ['pack', '--json', '--silent', '--pack-destination', folder]
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: root, encoding: 'utf8', shell: isWindows })
  if (status !== 0) throw new Error(`npm pack ended with ${status}:\n${stdout}${stderr}`)
  const [packed] = JSON.parse(stdout.replace(/^[^[]*/, ''))
  const sizes = `${megabytes(packed.size)}, unpacked ${megabytes(packed.unpackedSize)}`
  console.log(`${packed.filename}: ${packed.entryCount} files, ${sizes}`)
  return path.join(folder, packed.filename)
}

const { values, positionals } = parseArgs({
  options: { whole: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const wrong = positionals.find((version) => !isNodeVersion(version))
if (wrong !== undefined) {
  console.error(`${wrong} is no version of Node\nusage: npm run test:package -- [VERSION of Node …] [--whole]`)
  process.exit(2)
}
// All programs first: a version that cannot be had is not to be found out in the middle.
const nodes = positionals.length > 0 ? positionals.map(findNode) : [process.execPath]
const packed = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-tarball-'))
try {
  const tarball = pack(packed)
  for (const [i, node] of nodes.entries()) {
    const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()
    console.log(`\nNode ${version}`)
    const consumer = emptyFolder(node)
    const before = failures.length
    try {
      checkInstallation(consumer, tarball)
      const { stdout: tasks } = consumer.run('npx', ['grpo-ts', 'tasks'])
      check('npx grpo-ts tasks', tasks.includes('gsm8k'), tasks)
      checkModules(consumer)
      checkTraining(consumer)
      const examples = fs.readdirSync(path.join(root, 'examples')).filter((name) => name.endsWith('.ts'))
      for (const name of examples) fs.copyFileSync(path.join(root, 'examples', name), path.join(consumer.folder, name))
      if (i === 0) checkTypes(consumer, examples)
      const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
      for (const name of examples) {
        const { status, stderr } = consumer.run(node, ['--import', tsx, name, '2'])
        check(`${name} runs`, status === 0, stderr)
      }
      // Windows knows no Ctrl-C from another program.
      await checkQuickstart(consumer, values.whole || isWindows)
    } finally {
      fs.rmSync(consumer.folder, { recursive: true, force: true })
    }
    for (let i = before; i < failures.length; i++) failures[i] = `Node ${version}: ${failures[i]}`
  }
} finally {
  fs.rmSync(packed, { recursive: true, force: true })
}

for (const failure of failures) console.error(`\n${failure}`)
process.exitCode = failures.length > 0 ? 1 : 0
