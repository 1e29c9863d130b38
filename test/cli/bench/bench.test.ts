import assert from 'node:assert/strict'
import fs from 'node:fs'
import * as tf from '../../../src/bundled/tfjs.js'
import { CPU_BACKEND } from '../../../src/backend/cpu/backend.js'
import { formatProfile, formatSharing } from '../../../src/cli/bench/profileTable.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { run } from '../run.js'

const sizes = [
  '--prompts',
  '2',
  '--num-generations',
  '2',
  '--prompt-length',
  '5',
  '--max-completion-length',
  '4',
  '--per-device-train-batch-size',
  '4',
  '--lora-r',
  '2',
]

describe('cli/bench', () => {
  // A folder for temporary files that no other process uses: what a run leaves behind there is its own.
  const inTemporary = useTemporaryFolder()
  const { TMPDIR } = process.env
  beforeEach(() => {
    process.env.TMPDIR = inTemporary()
  })
  afterEach(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  })

  it('measures a step of a model that it makes itself', async () => {
    const { code, stdout, stderr } = await run(['bench', ...sizes])
    assert.equal(code, 0, stderr)
    for (const line of [
      /^model +random weights \(LlamaForCausalLM, 4 layers, float32\)$/m,
      /^step +2 × 2 completions, prompts of 5 and completions of 4 tokens, micro-batches of 4$/m,
      /^time +[\d.]+ s$/m,
      /^ +generation [\d.]+ s, \d+ tokens\/s sampled$/m,
      /^ +training +[\d.]+ s, \d+ tokens\/s of prompts and completions$/m,
      /^memory +at most \d+ MiB of tensors, \d+ MiB of the whole process$/m,
    ]) {
      assert.match(stdout, line)
    }
    assert.doesNotMatch(stdout, /between kernels/)
    assert.deepEqual(fs.readdirSync(inTemporary()), [])
  })

  it('shows with --profile where the time goes, and leaves the kernels as they were', async () => {
    const { code, stdout, stderr } = await run(['bench', '--profile', ...sizes])
    assert.equal(code, 0, stderr)
    const { kernelFunc } = tf.getKernel('Linear', CPU_BACKEND)
    for (const line of [
      /^phase +op +calls +ms +of the step +GFLOP\/s +of the peak$/m,
      /^sampling +gemm, in a list +\d+ +[\d.]+ +[\d.]+ % +[\d.]+ +[\d.]+ %$/m,
      /^training +DecoderLayerGradient +\d+ /m,
      /^training +between kernels +[\d.]+ +[\d.]+ %$/m,
      /^training +TokenLogProbsGradient ≤\d+ × 128→512 +\d+ /m,
      /^phase +outside kernels ms +kernels alone +together /m,
      /^step( +[\d.]+)+ %$/m,
    ]) {
      assert.match(stdout, line)
    }
    await run(['bench', ...sizes])
    assert.equal(tf.getKernel('Linear', CPU_BACKEND).kernelFunc, kernelFunc)
  })

  it('refuses sizes that do not fit, as wrong usage', async () => {
    for (const [flags, message] of [
      [['--prompts', '0'], /--prompts: expected a number above 0, got 0/],
      [['--prompt-length', '1.5'], /--prompt-length: expected a whole number, got 1\.5/],
      [['--per-device-train-batch-size', '3'], /2 prompts × 2 completions are not a multiple of .* 3/],
      [['--threads', '0'], /--threads: expected a number of at least 1, got 0/],
    ] as const) {
      const { code, stderr } = await run(['bench', ...sizes, ...flags])
      assert.equal(code, 2)
      assert.match(stderr, message)
    }
  })

  it('shows the mean of the steps, with the share of the peak and what lies between the kernels', () => {
    const entry = { phase: 'training', kernel: 'Linear', shape: '≤8 × 4→4' }
    const group = { phase: 'training', kernel: 'gemm', tiles: 2, isParallel: true, groups: 8, waiting: 0 }
    const profile = formatProfile(
      [
        { ...entry, calls: 20, milliseconds: 60, operations: 1.2e9 },
        { ...entry, shape: '≤64 × 4→4', calls: 2, milliseconds: 20, operations: 0.8e9 },
        { phase: 'training', kernel: 'Add', shape: '', calls: 4, milliseconds: 10, operations: 0 },
        { phase: 'training', kernel: 'Neg', shape: '', calls: 6, milliseconds: 0.12, operations: 0 },
      ],
      [
        { ...group, isListed: true, operations: 0.1e9, milliseconds: 4 },
        { ...group, isListed: false, operations: 0.3e9, milliseconds: 60 },
      ],
      new Map([['training', 200]]),
      2,
      100,
    )
    const lines = profile.split('\n').map((line) => line.trim().split(/ {2,}/))
    assert.deepEqual(lines[0], ['Where the time of a step goes, 100 ms; the peak is 100.0 GFLOP/s:'])
    assert.deepEqual(lines[3], ['training', 'Linear', '11', '40.0', '40.0 %', '25.0', '25.0 %'])
    assert.deepEqual(lines[4], ['training', 'Add', '2', '5.0', '5.0 %'])
    assert.deepEqual(lines[5], ['training', 'gemm, in a list', '4', '2.0', '2.0 %', '50.0', '50.0 %'])
    assert.deepEqual(lines[6], ['training', 'other kernels', '3', '0.1', '0.1 %'])
    assert.deepEqual(lines[7], ['training', 'between kernels', '52.9', '52.9 %'])
    assert.deepEqual(lines.at(-3), ['training', 'Linear ≤8 × 4→4', '10', '30.0', '30.0 %', '20.0', '20.0 %'])
    assert.deepEqual(lines.at(-2), ['training', 'Linear ≤64 × 4→4', '1', '10.0', '10.0 %', '40.0', '40.0 %'])
  })

  it('shows how the threads share a step: a row for each phase, and their sum', () => {
    const entry = { kernel: 'gemm', tiles: 8, groups: 10, operations: 0, isListed: false }
    const table = formatSharing(
      [
        { ...entry, phase: 'sampling', isParallel: false, milliseconds: 10, waiting: 0 },
        { ...entry, phase: 'sampling', isParallel: true, milliseconds: 50, waiting: 4 },
        { ...entry, phase: 'training', isParallel: true, milliseconds: 80, waiting: 2 },
      ],
      new Map([
        ['sampling', 80],
        ['training', 90],
      ]),
      2,
      2,
    )
    const lines = table.split('\n').map((line) => line.trim().split(/ {2,}/))
    assert.match(table, /^How 2 threads share it; /)
    assert.deepEqual(lines[3], ['sampling', '10.0', '5.0', '25.0', '2.0', '10', '5', '400', '23.8 %'])
    assert.deepEqual(lines[4], ['training', '5.0', '0.0', '40.0', '1.0', '5', '5', '200', '6.0 %'])
    assert.deepEqual(lines[5], ['step', '15.0', '5.0', '65.0', '3.0', '15', '10', '300', '13.6 %'])
  })
})
