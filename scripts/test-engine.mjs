// What verl or OpenRLHF make of an export: their own loaders, in an environment of their own, .engines-venv/, which is made once
// (some 3 GB: PyTorch for the CPU, without vLLM). GRPO_TS_VERL_PYTHON names another Python that has their packages.
//
//   node scripts/test-engine.mjs verl|openrlhf
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const [engine] = process.argv.slice(2)
const venv = path.join(root, '.engines-venv')
const python = process.env.GRPO_TS_VERL_PYTHON ?? path.join(venv, 'bin/python')
const unpack = path.resolve(root, '../shared/models/unpack.mjs')

function run(command, args, options = {}) {
  const { status, error, stdout } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (error) console.error(`${command}: ${error.message}`)
  if (status !== 0) process.exit(status ?? 1)
  return stdout
}

let model = process.env.GRPO_TS_MODEL
if (model === undefined) {
  if (!fs.existsSync(unpack)) {
    console.log(`skipped: ${unpack} is not there; GRPO_TS_MODEL may name the folder of a chat model`)
    process.exit(0)
  }
  model = run(process.execPath, [unpack], { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' }).trim()
}
if (!fs.existsSync(python)) {
  if (process.env.GRPO_TS_VERL_PYTHON !== undefined) {
    console.error(`GRPO_TS_VERL_PYTHON is ${python}, which is not there`)
    process.exit(1)
  }
  run('python3', ['-m', 'venv', venv])
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-compile']
  run(python, [...pip, 'torch==2.13.0', '--extra-index-url', 'https://download.pytorch.org/whl/cpu'])
  // What their loaders import; verl and OpenRLHF themselves would bring CUDA builds of much more.
  run(python, [
    ...pip,
    ...[
      'transformers>=5.5.3,<5.11',
      'tensordict>=0.8.0,<=0.10.0',
      'ray>=2.41',
      'hydra-core',
      'datasets',
      'pyarrow>=19',
    ],
    ...[
      'peft',
      'accelerate',
      'aiohttp',
      'torchdata',
      'codetiming',
      'dill',
      'pandas',
      'pylatexenc',
      'orjson',
      'uvicorn',
      'fastapi',
    ],
    ...['tensorboard', 'sympy', 'tqdm'],
  ])
  run(python, [...pip, '--no-deps', 'verl==0.9.1', 'openrlhf==0.11.2'])
}
run(process.execPath, ['--import', 'tsx', path.join(root, 'test/export', engine, 'main.ts'), python, model])
