import assert from 'node:assert/strict'
import { parse } from 'yaml'
import { trlTarget } from '../../../src/export/trl/trlTarget.js'
import { optionOf, planOf } from '../exportFixture.js'
import { refusalOf } from '../refusalOf.js'

async function trlYaml(options: Readonly<Record<string, unknown>>, processes = 1): Promise<Record<string, unknown>> {
  const { files } = trlTarget.files(await planOf(options, processes))
  return parse(files['trl.yaml'] as string, { version: '1.1' }) as Record<string, unknown>
}

const refusal = (options: Readonly<Record<string, unknown>>, processes = 1): Promise<string> =>
  refusalOf(trlTarget, options, processes)

describe('options under TRL', () => {
  it('divides the batch among the processes, and keeps what a step samples', async () => {
    const trl = await trlYaml({ perDeviceTrainBatchSize: 64, gradientAccumulationSteps: 2 }, 4)
    assert.equal(trl.per_device_train_batch_size, 16)
    assert.equal(trl.gradient_accumulation_steps, 2)
    assert.equal(trl.steps_per_generation, 2)
    assert.equal(trl.generation_batch_size, undefined)
    assert.match(await refusal({ perDeviceTrainBatchSize: 64 }, 3), /per_device_train_batch_size: 64 .* 3 processes/)
  })

  it('says the dropout of the adapter, which TRL has at 0.05', async () => {
    assert.equal((await trlYaml({})).lora_dropout, 0)
  })

  it('writes one target module so that PEFT does not take it for a whole name', async () => {
    assert.equal((await trlYaml({ loraTargetModules: ['q_proj'] })).lora_target_modules, '(.*\\.)?q_proj')
    assert.deepEqual((await trlYaml({ loraTargetModules: ['q_proj', 'v_proj'] })).lora_target_modules, [
      'q_proj',
      'v_proj',
    ])
    assert.equal((await trlYaml({})).lora_target_modules, 'all-linear')
  })

  it('has no adapter where all weights are trained, which are float32', async () => {
    const trl = await trlYaml({ usePeft: false })
    assert.deepEqual(
      [trl.use_peft, trl.lora_r, trl.lora_target_modules, trl.dtype],
      [false, undefined, undefined, 'float32'],
    )
  })

  it('quantises by bitsandbytes', async () => {
    assert.equal((await trlYaml({ dtype: 'int4' })).load_in_4bit, true)
    const { requirements } = trlTarget.files(await planOf({ dtype: 'int8' }))
    assert.ok(requirements.some((line) => line.startsWith('bitsandbytes==')))
  })

  it('takes a share of the steps as warm-up in the form of transformers 5', async () => {
    assert.equal((await trlYaml({ warmupRatio: 0.1 })).warmup_steps, 0.1)
    assert.equal((await trlYaml({ warmupRatio: 0.1, warmupSteps: 5 })).warmup_steps, 5)
    assert.match(await refusal({ warmupRatio: 1 }), /warmup_ratio: /)
  })

  it('hands over the settings of a schedule by their names there', async () => {
    const trl = await trlYaml({ lrSchedulerType: 'polynomial', lrSchedulerKwargs: { lrEnd: 1e-7 } })
    assert.deepEqual(trl.lr_scheduler_kwargs, { lr_end: 1e-7 })
  })

  it('makes of Dr. GRPO what TRL calls it', async () => {
    assert.equal((await trlYaml({ advantageEstimator: 'dr_grpo' })).scale_rewards, 'none')
    assert.deepEqual(await optionOf(trlTarget, 'scale_rewards', { scaleRewards: 'batch' }), {
      outcome: 'carried',
      there: 'scale_rewards: "batch"',
      reason: '',
    })
  })

  it('saves at the end even where a run saves nothing: the metrics come back in a checkpoint', async () => {
    const trl = await trlYaml({ saveStrategy: 'no' })
    assert.equal(trl.save_strategy, 'steps')
    assert.equal(trl.save_only_model, true)
    assert.ok((trl.save_steps as number) > 1e6)
  })

  it('gives upper bounds that are none', async () => {
    const trl = await trlYaml({ vllmImportanceSamplingClipMax: null, saveTotalLimit: null })
    assert.equal(trl.vllm_importance_sampling_clip_max, null)
    assert.ok('vllm_importance_sampling_clip_max' in trl)
  })

  it('refuses what TRL has not, all at once, with what to do', async () => {
    const message = await refusal({
      dynamicSampling: true,
      difficultyPools: true,
      advantageEstimator: 'rloo',
      stopStrings: ['\n\n'],
      excludeModules: ['q_proj'],
      layersToTransform: [0],
      rankPattern: { q_proj: 4 },
      evalStrategy: 'steps',
      earlyStoppingPatience: 2,
    })
    for (const expected of [
      /dynamic_sampling: .*verl/,
      /difficulty_pools: .*set it to false/,
      /advantage_estimator: .*RLOOTrainer.*dr_grpo/,
      /stop_strings: .*leave them out/,
      /exclude_modules: /,
      /layers_to_transform: /,
      /rank_pattern: /,
      /early_stopping_patience: .*max_steps/,
    ]) {
      assert.match(message, expected)
    }
    assert.doesNotMatch(message, /alpha_pattern|load_best_model_at_end/)
  })
})
