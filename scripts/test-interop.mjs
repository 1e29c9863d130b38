// The tests against Python's tools, in an environment of their own: torch, transformers, PEFT, bitsandbytes and others are
// installed into .interop-venv/ once. GRPO_TS_PYTHON names another Python that has them.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const venv = path.join(root, '.interop-venv')
const isWindows = process.platform === 'win32'
const python = process.env.GRPO_TS_PYTHON ?? path.join(venv, isWindows ? 'Scripts/python.exe' : 'bin/python')

function run(command, args, env = process.env) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env })
  if (error) console.error(`${command}: ${error.message}`)
  if (status !== 0) process.exit(status ?? 1)
}

if (!fs.existsSync(python)) {
  run(isWindows ? 'python' : 'python3', ['-m', 'venv', venv])
  const index = process.platform === 'linux' ? ['--extra-index-url', 'https://download.pytorch.org/whl/cpu'] : []
  const packages = [
    'torch',
    'transformers',
    'accelerate',
    'peft',
    'huggingface_hub',
    'gguf',
    'bitsandbytes',
    'compressed-tensors',
  ]
  run(python, ['-m', 'pip', 'install', '--quiet', ...packages, ...index])
}
const mocha = path.join(root, 'node_modules/mocha/bin/mocha.js')
const tests = ['test/interop/**/*.test.ts', 'test/hub/**/*.test.ts', 'test/push/**/*.test.ts']
run(process.execPath, [mocha, ...tests], { ...process.env, GRPO_TS_PYTHON: python })
