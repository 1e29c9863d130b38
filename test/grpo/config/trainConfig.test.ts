import assert from 'node:assert/strict'
import fs from 'node:fs'
import { Command } from 'commander'
import { parse } from 'yaml'
import { engineChoices } from '../../../src/engine/registry.js'
import { formatTrainConfig, parseTrainConfig, trainConfigSchema } from '../../../src/grpo/config/trainConfig.js'
import type { TrainOptions } from '../../../src/grpo/config/trainConfig.js'
import { addTrainFlags, readTrainFlags } from '../../../src/cli/run/trainFlags.js'
import { kebabCase } from '../../../src/options/names.js'
import { ConfigError, FileFormatError } from '../../../src/errors.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { readConfigFile } from '../../../src/run/configFile.js'

/** As an engine describes itself; a colon does no harm. */
const ENGINE = { name: 'xla', description: 'XLA on a card: of NVIDIA' }

const required = { model: 'models/tiny', task: 'arithmetic' }

function parseFlags(...args: string[]): Record<string, unknown> {
  const command = new Command().exitOverride()
  addTrainFlags(command)
  return readTrainFlags(command.parse(args, { from: 'user' }).opts<Record<string, string | string[]>>())
}

function refuses(input: Record<string, unknown>, message: RegExp): void {
  assert.throws(
    () => parseTrainConfig(input),
    (error) => error instanceof ConfigError && message.test(error.message),
  )
}

describe('cli/trainConfig', () => {
  const inFolder = useTemporaryFolder()

  it("has defaults for all but model and task, GRPO's among them", () => {
    const config = parseTrainConfig(required)
    const expected: Partial<TrainOptions> = {
      data: null,
      split: 'train',
      limit: null,
      shots: null,
      rewards: ['correctness', 'format:0.2'],
      loraR: 16,
      loraAlpha: 32,
      loraTargetModules: 'all-linear',
      outputDir: 'runs/arithmetic-tiny',
      engine: 'auto',
      threads: null,
      numGenerations: 8,
      learningRate: 1e-6,
      lossType: 'dapo',
    }
    for (const [name, value] of Object.entries(expected)) {
      assert.deepEqual(config.run[name as keyof TrainOptions], value, name)
    }
    assert.equal(config.grpo.generationBatchSize, 8)
    refuses({}, /model is missing\. Folder of the model.*\n {2}task is missing\. What to train on: gsm8k, math, /)
  })

  it('takes the flag of every boolean with and without a value', () => {
    const booleans = Object.entries(trainConfigSchema.shape).flatMap(([name, schema]) =>
      // scaleRewards takes texts too.
      [true, false].every((value) => schema.safeParse(value).success) && !schema.safeParse('group').success
        ? [name as keyof TrainOptions]
        : [],
    )
    for (const name of ['doEval', 'allowPython', 'useRslora', 'shuffleDataset'] as const) {
      assert.ok(booleans.includes(name), name)
    }
    for (const name of booleans) {
      const flag = `--${kebabCase(name)}`
      assert.deepEqual(parseFlags(flag), { [name]: true })
      assert.deepEqual(parseFlags(flag, '--seed', '3'), { [name]: true, seed: 3 })
      for (const value of [true, false]) assert.deepEqual(parseFlags(flag, String(value)), { [name]: value })
      refuses(
        { ...required, ...parseFlags(flag, 'run.yaml') },
        new RegExp(`${name}: expected true or false, got 'run\\.yaml'`),
      )
    }
  })

  it('takes camelCase and snake_case names, and flags before both', () => {
    const config = parseTrainConfig(
      { ...required, lora_r: 4, loraAlpha: 8, num_generations: 2, output_dir: 'a' },
      { numGenerations: 4, outputDir: 'b' },
    )
    const { loraR, loraAlpha, numGenerations, outputDir } = config.run
    assert.deepEqual(
      { loraR, loraAlpha, numGenerations, outputDir },
      {
        loraR: 4,
        loraAlpha: 8,
        numGenerations: 4,
        outputDir: 'b',
      },
    )
  })

  it('names what is wrong', () => {
    refuses(
      { ...required, engine: 'gpu' },
      new RegExp(`engine: expected one of ${engineChoices.join(', ')}, got 'gpu'`),
    )
    refuses({ ...required, engine: 'cpu', backend: 'cpu' }, /backend is renamed to engine/)
    refuses(
      { ...required, use_vllm: true },
      /use_vllm is an option of TRL that is none here: `rollout` names servers of vLLM/,
    )
    refuses({ ...required, report_to: 'wandb' }, /expected tensorboard or none: of the trackers only TensorBoard/)
    refuses({ ...required, learning_rat: 1 }, /unknown option learning_rat; did you mean learning_rate\?/)
    refuses({ ...required, outputdir: 'x' }, /unknown option outputdir; did you mean outputDir\?/)
    refuses({ ...required, lora_r: 4, loraR: 4 }, /loraR is given twice, as loraR and as lora_r/)
    refuses({ ...required, numGenerations: 1, threads: 0 }, /threads: .*got 0.*\n {2}numGenerations: .*got 1/s)
    refuses(
      { ...required, rewards: ['correct'] },
      /unknown reward 'correct' \(did you mean correctness\?\); known rewards: correctness, format/,
    )
    refuses({ ...required, rewards: ['format:'] }, /the weight in the reward 'format:' is ''/)
    refuses(
      { ...required, rewards: [{ name: 'format', stile: 'think' }] },
      /options of the reward format:\n {2}unknown option stile; did you mean style/,
    )
    refuses(
      { ...required, loraTargetModules: ['lm_head'] },
      /loraTargetModules.0: expected all-linear or a list of q_proj/,
    )
    refuses({ ...required, rewardWeights: [1] }, /rewardWeights has 1 values for 2 rewards/)
    refuses({ ...required, perDeviceTrainBatchSize: 6 }, /does not hold whole groups of numGenerations = 8/)
  })

  it('reads flags as YAML would give them', () => {
    assert.deepEqual(
      parseFlags(
        '--model',
        '123',
        '--max-steps',
        '-1',
        '--learning-rate',
        '1e-5',
        '--shuffle-dataset',
        'false',
        '--epsilon-high',
        'null',
        '--scale-rewards',
        'true',
        '--loss-type',
        'grpo',
        '--limit',
        'x',
        '--rewards',
        'correctness:2,format',
        '--reward-weights',
        '1',
        '0.5',
        '--stop-strings',
        'a, b',
        'c',
        '--lora-target-modules',
        'q_proj,v_proj',
      ),
      {
        model: '123',
        maxSteps: -1,
        learningRate: 1e-5,
        shuffleDataset: false,
        epsilonHigh: null,
        scaleRewards: true,
        lossType: 'grpo',
        limit: 'x',
        rewards: ['correctness:2', 'format'],
        rewardWeights: [1, 0.5],
        stopStrings: ['a, b', 'c'],
        loraTargetModules: ['q_proj', 'v_proj'],
      },
    )
    assert.deepEqual(parseFlags('--lora-target-modules', 'all-linear', '--reward-weights', 'null'), {
      loraTargetModules: 'all-linear',
      rewardWeights: null,
    })
  })

  it('takes the options of the adapter, from a file and as flags', () => {
    const options = {
      use_rslora: true,
      lora_dropout: 0.1,
      lora_target_modules: ['q_proj', 'mlp.up_proj'],
      layers_to_transform: [0, 2],
      rank_pattern: { q_proj: 4 },
      alpha_pattern: { 'layers.0.*': 3.5 },
      exclude_modules: ['layers.2.mlp.up_proj'],
      layers_pattern: 'layers',
    }
    const config = parseTrainConfig({ ...required, ...options, seed: 2 ** 40 + 3 })
    assert.deepEqual(config.lora, {
      r: 16,
      alpha: 32,
      useRslora: true,
      dropout: 0.1,
      targetModules: ['q_proj', 'mlp.up_proj'],
      seed: 3,
      layersToTransform: [0, 2],
      layersPattern: 'layers',
      excludeModules: ['layers.2.mlp.up_proj'],
      rankPattern: { q_proj: 4 },
      alphaPattern: { 'layers.0.*': 3.5 },
    })
    const file = inFolder('config.yaml')
    fs.writeFileSync(file, formatTrainConfig(config, ENGINE))
    assert.deepEqual(parseTrainConfig(readConfigFile(file)), config)
    const flags = parseFlags(
      '--use-rslora',
      'true',
      '--lora-dropout',
      '0.1',
      '--lora-target-modules',
      'q_proj',
      'mlp.up_proj',
      '--layers-to-transform',
      '0,2',
      '--rank-pattern',
      '{ q_proj: 4 }',
      '--alpha-pattern',
      '{ layers.0.*: 3.5 }',
      '--exclude-modules',
      'layers.2.mlp.up_proj',
      '--layers-pattern',
      'layers',
    )
    const { layersPattern, ...fromFlags } = parseTrainConfig(required, flags).lora
    const { layersPattern: text, ...fromFile } = { ...config.lora, seed: 42 }
    assert.deepEqual([layersPattern, text], [['layers'], 'layers'])
    assert.deepEqual(fromFlags, fromFile)
    // One text that is more than names is a regular expression; one name is a list of it.
    const targets = (value: string): unknown => parseFlags('--lora-target-modules', value).loraTargetModules
    assert.equal(targets('.*\\.(q|v)_proj'), '.*\\.(q|v)_proj')
    assert.equal(targets('all-linear'), 'all-linear')
    assert.deepEqual(targets('q_proj'), ['q_proj'])
    assert.deepEqual(targets('q_proj,layers.0.mlp.up_proj'), ['q_proj', 'layers.0.mlp.up_proj'])
  })

  it('refuses options of the adapter that cannot be', () => {
    refuses({ ...required, lora_dropout: 1 }, /loraDropout: .*got 1/)
    refuses({ ...required, layers_pattern: 'layers' }, /layersPattern needs layersToTransform/)
    refuses({ ...required, layers_to_transform: 0, lora_target_modules: '.*q_proj' }, /layersToTransform needs a list/)
    refuses({ ...required, rank_pattern: { q_proj: 0 } }, /rankPattern.q_proj: expected a number above 0, got 0/)
    refuses(
      { ...required, alpha_pattern: ['q_proj'] },
      /alphaPattern: expected values by their names.*got \[ 'q_proj' \]/,
    )
    refuses({ ...required, use_dora: true }, /use_dora is an option of PEFT that is none here: DoRA is not supported/)
    refuses({ ...required, lora_modules_to_save: ['lm_head'] }, /lora_modules_to_save is .*training of whole modules/)
    refuses({ ...required, layer_replication: [[0, 1]] }, /replication of layers is not supported/)
  })

  it('takes the settings of a learning-rate schedule as a flag, and writes them by the names that TRL has', () => {
    const flags = parseFlags(
      '--lr-scheduler-type',
      'cosine_with_restarts',
      '--lr-scheduler-kwargs',
      '{ num_cycles: 3 }',
    )
    const config = parseTrainConfig(required, flags)
    assert.deepEqual(config.grpo.lrSchedulerKwargs, { numCycles: 3 })
    assert.match(formatTrainConfig(config, ENGINE), /lr_scheduler_kwargs:\n {2}num_cycles: 3\n/)
    assert.match(formatTrainConfig(config, ENGINE), /^# Computed by the engine xla: XLA on a card: of NVIDIA\n/)
    const file = inFolder('config.yaml')
    fs.writeFileSync(file, formatTrainConfig(config, ENGINE))
    assert.deepEqual(parseTrainConfig(readConfigFile(file)), config)
    refuses({ ...required, lr_scheduler_kwargs: { num_cycles: 3 } }, /linear has no setting num_cycles.*takes none/)
  })

  it('takes the other options of a task, by either spelling, from a file and as a flag', () => {
    const given = { task_options: { operations: ['add', 'subtract'], max_operand: 20 }, shots: 2 }
    const expected = { operations: ['add', 'subtract'], maxOperand: 20, shots: 2, split: 'train', seed: 42 }
    const config = parseTrainConfig({ ...required, ...given })
    assert.deepEqual(config.task, expected)
    const file = inFolder('config.yaml')
    fs.writeFileSync(file, formatTrainConfig(config, ENGINE))
    assert.deepEqual(parseTrainConfig(readConfigFile(file)), config)
    const flags = parseFlags('--task-options', '{ operations: [add, subtract], maxOperand: 20 }', '--shots', '2')
    assert.deepEqual(parseTrainConfig(required, flags).task, expected)
    refuses({ ...required, task_options: { shots: 2 } }, /taskOptions holds shots; give it beside taskOptions/)
    for (const text of ['max_operand', '{ a', '3']) {
      assert.throws(() => parseTrainConfig(required, parseFlags('--task-options', text)), /--task-options: /)
    }
  })

  it('takes all options of tasks beside each other, as flags and in a file, and those of earlier versions in taskOptions', () => {
    const flags = parseFlags(
      '--operations',
      'add,subtract',
      '--max-operand',
      '20',
      '--bare',
      'true',
      '--system-prompt',
      '',
    )
    const expected = {
      operations: ['add', 'subtract'],
      maxOperand: 20,
      bare: true,
      systemPrompt: null,
      split: 'train',
      seed: 42,
    }
    const config = parseTrainConfig(required, flags)
    assert.deepEqual(config.task, expected)
    const file = inFolder('config.yaml')
    fs.writeFileSync(file, formatTrainConfig(config, ENGINE))
    assert.deepEqual(parseTrainConfig(readConfigFile(file)).task, expected)
    const earlier = { task_options: { system_prompt: null, variant: 'smaller' }, allow_python: false }
    const { systemPrompt, variant, ...rest } = parseTrainConfig({ ...required, ...earlier }).task
    assert.deepEqual([systemPrompt, variant, 'allowPython' in rest], [null, 'smaller', false])
    refuses({ ...required, variant: 'longer', task_options: { variant: 'smaller' } }, /taskOptions holds variant/)
    refuses({ ...required, variant: 'odd' }, /variant: .*smaller.*, got 'odd'/)
  })

  it('writes a file that gives the same options again', () => {
    const config = parseTrainConfig({ ...required, minP: 0.1, stopStrings: ['\n\n', '#: x'], data: 'no', seed: 7 })
    const file = inFolder('config.yaml')
    fs.writeFileSync(file, formatTrainConfig(config, ENGINE))
    assert.deepEqual(parseTrainConfig(readConfigFile(file)), config)
    assert.ok('num_generations' in (parse(fs.readFileSync(file, 'utf8')) as object))
  })

  it('reads the options that earlier versions wrote', () => {
    const { run } = parseTrainConfig({ ...required, backend: 'reference', min_p: null })
    assert.deepEqual([run.engine, 'backend' in run], ['reference', false])
  })

  it('refuses a file that is no set of options', () => {
    const refusesFile = (text: string | null, message: RegExp): void => {
      const file = inFolder('bad.yaml')
      fs.rmSync(file, { force: true })
      if (text !== null) fs.writeFileSync(file, text)
      assert.throws(
        () => readConfigFile(file),
        (error) => error instanceof FileFormatError && error.file === file && message.test(error.message),
      )
    }
    refusesFile(null, /cannot be read/)
    refusesFile('model: [a', /is not valid YAML.*line 1/s)
    refusesFile('seed: 1\nseed: 2', /is not valid YAML.*Map keys must be unique/s)
    refusesFile('- a', /expected options as name: value, got \[ 'a' \]/)
    fs.writeFileSync(inFolder('empty.yaml'), '# nothing\n')
    assert.deepEqual(readConfigFile(inFolder('empty.yaml')), {})
  })
})
