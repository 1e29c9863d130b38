// Trains the same adapters with every set of kernels, on 1, 2 and 3 threads, on several versions of Node, each in a process of its own,
// and compares them byte by byte:
//   npm run test:bits -- [VERSION of Node …] [--simd 128,256,native] [--threads 1,2,3] [--model FOLDER of SmolLM2-135M-Instruct]
// Without --model it takes what ../shared/models/unpack.mjs makes, or random weights of the same sizes.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { findNode, isNodeVersion } from './nodes.mjs'

const root = path.resolve(import.meta.dirname, '..')
const { values, positionals } = parseArgs({
  options: {
    // What GRPO_TS_SIMD asks for; where a machine or a Node does not have it, a narrower set computes, as the table says.
    simd: { type: 'string', default: '128,256,native' },
    threads: { type: 'string', default: '1,2,3' },
    model: { type: 'string' },
  },
  allowPositionals: true,
})
const threads = values.threads.split(',').map(Number)
const sets = values.simd.split(',')

function fail(message) {
  console.error(message)
  process.exit(2)
}

if (!threads.every((count) => Number.isInteger(count) && count >= 1)) {
  fail(`--threads is ${values.threads}; expected whole numbers of 1 or more, separated by commas`)
}
const unknown = positionals.find((text) => !isNodeVersion(text))
if (unknown !== undefined) fail(`${unknown} is no version of Node; expected such as 24 or 20.19.0`)
const versions = positionals.length > 0 ? positionals : ['20', '24', '26']
try {
  for (const version of versions) findNode(version)
} catch (error) {
  fail(error.message)
}

/** Where the pretrained model is; null where it is not known. */
function modelFolder() {
  if (values.model !== undefined) return values.model
  const script = path.resolve(root, process.env.GRPO_TS_SHARED ?? '../shared', 'models', 'unpack.mjs')
  if (!fs.existsSync(script)) return null
  return spawnSync(process.execPath, [script], { encoding: 'utf8' }).stdout.trim()
}

const model = modelFolder()

/** Trains an adapter in a fresh process; returns what test/bits/adapter.ts says of it. */
function train(version, set, workload, count) {
  const args = ['--import', 'tsx', 'test/bits/adapter.ts', workload, String(count), ...(model === null ? [] : [model])]
  const { status, stdout } = spawnSync(findNode(version), args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, GRPO_TS_SIMD: set },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) fail(`training ${workload} failed on Node ${version} with GRPO_TS_SIMD=${set}; see above`)
  return JSON.parse(stdout.trim().split('\n').at(-1))
}

let differs = false
for (const workload of ['tiny', 'smollm2']) {
  const rows = versions.flatMap((version) =>
    sets.flatMap((set) =>
      threads.map((count) => {
        const { kernels, sha256, completionTokens, seconds } = train(version, set, workload, count)
        console.error(`${workload}, Node ${version}, ${set}, ${count} threads: ${sha256.slice(0, 16)} (${kernels})`)
        return { node: version, set, threads: count, kernels, tokens: completionTokens, seconds, sha256 }
      }),
    ),
  )
  const hashes = new Set(rows.map(({ sha256 }) => sha256))
  console.log(`\n${workload}: ${rows.length} adapters of ten steps`)
  console.table(
    rows.map((row) => ({
      ...row,
      kernels: row.kernels.replace(/,? on \d+ threads?/, ''),
      seconds: Number(row.seconds.toFixed(1)),
      sha256: row.sha256.slice(0, 16),
    })),
  )
  console.log(hashes.size === 1 ? 'all equal' : `${hashes.size} DIFFERENT adapters`)
  differs ||= hashes.size > 1
}
process.exitCode = differs ? 1 : 0
