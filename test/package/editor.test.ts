import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import ts from 'typescript'
import { selectEngine } from '../../src/engine/registry.js'
import { grpoOptions, parseGRPOConfig } from '../../src/grpo/config/config.js'
import type { GRPOOptions } from '../../src/grpo/config/options.js'
import { tinyTask, withPolicy } from '../grpo/tinyTask.js'
import { projects, root, strictest, writeProject } from './consumer.js'

/** What an editor shows, at places that are marked in a program by a comment with a number. */
class Editor {
  readonly #service: ts.LanguageService
  readonly #file: string
  #code: string
  #version = 0

  constructor(folder: string) {
    const { type, ...options } = projects.nodenext
    this.#code = ''
    this.#file = writeProject(folder, type, '')
    const { sys } = ts
    const read = (file: string): string | undefined => (file === this.#file ? this.#code : sys.readFile(file))
    this.#service = ts.createLanguageService({
      getCompilationSettings: () => ({ ...strictest, ...options, skipLibCheck: true }),
      getScriptFileNames: () => [this.#file],
      getScriptVersion: (file) => (file === this.#file ? String(this.#version) : '1'),
      getScriptSnapshot: (file) => {
        const text = read(file)
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
      },
      getCurrentDirectory: () => folder,
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      fileExists: (file) => sys.fileExists(file),
      readFile: read,
      readDirectory: (...args) => sys.readDirectory(...args),
      directoryExists: (folder) => sys.directoryExists(folder),
      getDirectories: (folder) => sys.getDirectories(folder),
      realpath: (file) => fs.realpathSync(file),
    })
  }

  /** Opens a program; `|` is where the cursor is. */
  #open(code: string): number {
    const position = code.indexOf('|')
    this.#code = code.replace('|', '')
    this.#version++
    return position
  }

  /** Names that are offered at the cursor, with what is said of each. */
  completions(code: string): Map<string, string> {
    const position = this.#open(code)
    const entries = this.#service.getCompletionsAtPosition(this.#file, position, {})?.entries ?? []
    const detailsOf = ({ name, source, data }: ts.CompletionEntry): ts.CompletionEntryDetails | undefined =>
      this.#service.getCompletionEntryDetails(this.#file, position, name, {}, source, {}, data)
    return new Map(
      entries.map((entry) => [
        entry.name.replace(/^["']|["']$/g, ''),
        ts.displayPartsToString(detailsOf(entry)?.documentation),
      ]),
    )
  }

  /** What is shown for the name before the cursor: its type and what is said of it. */
  quickInfo(code: string): string {
    const info = this.#service.getQuickInfoAtPosition(this.#file, this.#open(code) - 1)
    return `${ts.displayPartsToString(info?.displayParts)}\n${ts.displayPartsToString(info?.documentation)}`
  }
}

const head = `
import { GRPOTrainer, rewards, evaluate } from 'grpo-ts'
import { parseGRPOConfig } from 'grpo-ts/parts'
import type { CausalLM, GRPOConfig, LoraOptions, Task, TrainingStep } from 'grpo-ts'
declare const policy: CausalLM
declare const task: Task
declare const step: TrainingStep
declare const trainer: GRPOTrainer
const run = { policy, task, rewards: [rewards.correctness()] }
`

describe('what an editor shows', () => {
  let folder = ''
  let editor: Editor
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-editor-'))
    editor = new Editor(folder)
  })
  after(() => {
    fs.rmSync(folder, { recursive: true })
  })

  it('every option of config, with its description', () => {
    const shown = editor.completions(`${head}new GRPOTrainer({ ...run, config: { | } })`)
    const normal = (text: string): string => text.replace(/\s+/g, ' ')
    for (const { name, description } of grpoOptions()) assert.equal(normal(shown.get(name) ?? ''), normal(description))
    assert.equal(shown.size, grpoOptions().length)
    for (const code of [`parseGRPOConfig({ | })`, `const config: GRPOConfig = { | }`]) {
      assert.match(editor.completions(head + code).get('lossType') ?? '', /Defaults to "dapo"/, code)
    }
    assert.match(editor.completions(`${head}trainer.config.|`).get('numGenerations') ?? '', /at least 2/)
  })

  it('the values of an option', () => {
    const values = editor.completions(`${head}new GRPOTrainer({ ...run, config: { lossType: '|' } })`)
    const expected: NonNullable<GRPOOptions['lossType']>[] = ['grpo', 'bnpo', 'dr_grpo', 'dapo', 'cispo', 'luspo']
    for (const value of expected) assert.ok(values.has(value), value)
    const settings = editor.completions(`${head}new GRPOTrainer({ ...run, config: { lrSchedulerKwargs: { | } } })`)
    assert.match(settings.get('numCycles') ?? '', /Waves of the cosine/)
  })

  it('every metric, with its description', async () => {
    const dotted = editor.completions(`${head}step.metrics.|`)
    const bracketed = editor.completions(`${head}step.metrics['|']`)
    const trl = fs.readFileSync(path.join(root, 'docs/trl.md'), 'utf8').split('## Metrics')[1] ?? ''
    const names = trl
      .split('\n')
      .filter((line) => /^\| `.*\| same/.test(line))
      .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`*{ ]+)`/g)].map(([, name]) => name!))
    assert.ok(names.length > 25, names.join())
    for (const name of [...names, 'groups/all_wrong', 'memory/process_bytes', 'grad_norm/q_proj', 'eval_accuracy']) {
      const description = dotted.get(name) ?? bracketed.get(name)
      assert.ok(description, `step.metrics shows ${description} for ${name}`)
    }
    // What runs measure is what the type says.
    await selectEngine('cpu')
    const runs: GRPOOptions[] = [
      { beta: 0.1, entropyCoef: 0.01, evalStrategy: 'steps' },
      { lossType: 'cispo', epsilonHigh: 5, dynamicSampling: true },
      { lossType: 'vespo', difficultyPools: true },
    ]
    await withPolicy(async ({ trainerOf }) => {
      for (const config of runs) {
        const steps = await trainerOf(
          { evalTask: tinyTask() },
          parseGRPOConfig({ numGenerations: 4, maxCompletionLength: 8, ...config, maxSteps: 1 }),
        ).train()
        for (const name of steps.flatMap(({ metrics }) => Object.keys(metrics))) {
          if (/^(eval_)?rewards\/.+\/(mean|std|alive|timeouts)$/.test(name)) continue
          assert.ok(bracketed.get(name) ?? dotted.get(name), `step.metrics does not know ${name}`)
        }
      }
    })
  })

  it('the type and the description of what is under the cursor', () => {
    const cases: [string, RegExp][] = [
      ['new GRPOTrainer({ ...run, config: { numGenerations|: 8 } })', /numGenerations: 8\n.*Defaults to 8/],
      ['step.metrics.reward|', /reward\?: number[^]*Mean weighted reward/],
      ["const mean| = step.metrics['rewards/correctness/mean']", /number \| undefined/],
      ['step.groups|', /RolloutGroup\[\][^]*sampled in this step/],
      ['policy.saveAdapter|', /saveAdapter[^]*PEFT/],
      ['const lora: LoraOptions = { r|: 8 }', /Rank/],
      ['void evaluate(policy, task, { samples|: 4 })', /Completions of each problem to sample/],
      ['rewards.format({ weight|: 1 })', /Factor of this reward/],
      ['new GRPOTrainer({ ...run, outputDir|: "x" })', /metrics\.jsonl/],
    ]
    for (const [code, expected] of cases) assert.match(editor.quickInfo(head + code), expected)
  })
})
