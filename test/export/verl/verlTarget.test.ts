import assert from 'node:assert/strict'
import fs from 'node:fs'
import { parse } from 'yaml'
import { verlTarget } from '../../../src/export/verl/verlTarget.js'
import { readParquet } from '../../../src/tasks/rows/parquet.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { optionOf, planOf } from '../exportFixture.js'
import { refusalOf } from '../refusalOf.js'

/** A setting of verl.yaml by its dotted name. */
async function settingOf(
  name: string,
  options: Readonly<Record<string, unknown>> = {},
  processes = 1,
): Promise<unknown> {
  const { files } = verlTarget.files(await planOf({ lrSchedulerType: 'cosine', ...options }, processes))
  let section: unknown = parse(files['verl.yaml'] as string)
  for (const key of name.split('.')) section = (section as Record<string, unknown> | undefined)?.[key]
  return section
}

const refused = (options: Readonly<Record<string, unknown>>, processes = 1): Promise<string> =>
  refusalOf(verlTarget, { lrSchedulerType: 'cosine', ...options }, processes)

const ACTOR = 'actor_rollout_ref.actor'
const ROLLOUT = 'actor_rollout_ref.rollout'

describe('an export to verl', () => {
  const inFolder = useTemporaryFolder()

  it('holds the conversations with the ids of the problems as parquet', async () => {
    const plan = await planOf({ lrSchedulerType: 'cosine' })
    const { files } = verlTarget.files(plan)
    const file = inFolder('train.parquet')
    fs.writeFileSync(file, files['data/train.parquet']!)
    const rows = [...readParquet(file)].map(({ value }) => value)
    assert.deepEqual(
      rows,
      plan.task.problems.map(({ id, answer }, i) => ({
        data_source: 'grpo-ts/word-problems',
        prompt: plan.prompts[i]!.messages,
        ability: 'word-problems',
        reward_model: { style: 'rule', ground_truth: answer },
        extra_info: { index: i, split: 'train', problem_id: id },
      })),
    )
  })

  it('refuses a model without a chat template, and prompts that are no conversation', async () => {
    const plan = await planOf({ lrSchedulerType: 'cosine' })
    const tokenizer = Object.create(plan.tokenizer, { hasChatTemplate: { value: false } }) as typeof plan.tokenizer
    assert.throws(
      () => verlTarget.files({ ...plan, tokenizer }),
      /every prompt, and this model has none; .* export to TRL/,
    )
    const prompts = plan.prompts.map(({ text, ids }) => ({ text, ids }))
    assert.throws(() => verlTarget.files({ ...plan, prompts }), /3 of 3 problems .* plain text/)
  })

  it('refuses questions that hold the spelling of a special token, which verl would read as one', async () => {
    const plan = await planOf({ lrSchedulerType: 'cosine' })
    const eos = plan.tokenizer.idToToken(plan.tokenizer.eosTokenId!)!
    const problem = { ...plan.task.problems[0]!, question: `What does ${eos} mean?` }
    const prompts = [plan.task.prompt(problem, plan.tokenizer), ...plan.prompts.slice(1)]
    assert.throws(() => verlTarget.files({ ...plan, prompts }), /1 of 3 problems .* spelling of a special token/)
  })

  it('counts batches in prompts, and completions of a GPU', async () => {
    const options = { perDeviceTrainBatchSize: 16, gradientAccumulationSteps: 2, maxSteps: 6, limit: 40 }
    assert.equal(await settingOf('data.train_batch_size', options), 4)
    assert.equal(await settingOf(`${ACTOR}.ppo_mini_batch_size`, options), 4)
    assert.equal(await settingOf(`${ACTOR}.ppo_micro_batch_size_per_gpu`, options, 4), 4)
    assert.equal(await settingOf('trainer.total_training_steps', options), 6)
    assert.equal(await settingOf('trainer.total_epochs', options), 1)
    assert.equal(await settingOf('trainer.total_epochs', { ...options, limit: 9 }), 3)
    assert.match(await refused({ perDeviceTrainBatchSize: 16 }, 3), /16 completions .* 3 processes/)
    assert.match(
      await refused({ perDeviceTrainBatchSize: 4, stepsPerGeneration: 2 }),
      /whole groups of num_generations = 8/,
    )
    assert.match(await refused({ perDeviceTrainBatchSize: 32, limit: 3 }), /whole batches of 4 prompts .* which has 3/)
  })

  it('counts steps, warm-up and checkpoints in rollouts where there are several optimizer steps on each', async () => {
    const options = { stepsPerGeneration: 2, maxSteps: 20, warmupSteps: 5, saveSteps: 6 }
    assert.equal(await settingOf('trainer.total_training_steps', options), 10)
    assert.equal(await settingOf(`${ACTOR}.optim.lr_warmup_steps`, options), 3)
    assert.equal(await settingOf('trainer.save_freq', options), 3)
    assert.equal(
      (await optionOf(verlTarget, 'lr_scheduler_type', { lrSchedulerType: 'cosine', ...options })).outcome,
      'changed',
    )
  })

  it('saves at the end where the run saves nothing', async () => {
    assert.equal(await settingOf('trainer.save_freq', { saveStrategy: 'no', maxSteps: 7 }), 7)
  })

  it('says every kind of loss that verl has', async () => {
    const lossOf = async (options: Readonly<Record<string, unknown>>): Promise<unknown[]> => [
      await settingOf(`${ACTOR}.policy_loss.loss_mode`, options),
      await settingOf(`${ACTOR}.loss_agg_mode`, options),
    ]
    assert.deepEqual(await lossOf({}), ['vanilla', 'token-mean'])
    assert.deepEqual(await lossOf({ lossType: 'grpo' }), ['vanilla', 'seq-mean-token-mean'])
    assert.deepEqual(await lossOf({ lossType: 'luspo' }), ['vanilla', 'seq-mean-token-sum'])
    assert.deepEqual(await lossOf({ lossType: 'sapo' }), ['sapo', 'seq-mean-token-mean'])
    assert.deepEqual(await lossOf({ lossType: 'grpo', importanceSamplingLevel: 'sequence' }), [
      'gspo',
      'seq-mean-token-mean',
    ])
    const drGrpo = { lossType: 'dr_grpo', maxCompletionLength: 77 }
    assert.deepEqual(await lossOf(drGrpo), ['vanilla', 'seq-mean-token-sum-norm'])
    assert.equal(await settingOf(`${ACTOR}.loss_scale_factor`, drGrpo), 77)
    assert.match(await refused({ lossType: 'vespo' }), /loss_type: verl has none/)
    assert.match(await refused({ lossType: 'sapo', importanceSamplingLevel: 'sequence' }), /gspo only/)
    assert.match(
      await refused({ lossType: 'bnpo', gradientAccumulationSteps: 2 }),
      /take dapo, or gradient_accumulation_steps 1/,
    )
  })

  it('says bounds of the ratio as verl measures them', async () => {
    const cispo = { lossType: 'cispo', epsilonHigh: 5 }
    assert.equal(await settingOf(`${ACTOR}.clip_ratio_high`, cispo), 4)
    assert.equal(await settingOf(`${ACTOR}.clip_ratio_low`, cispo), 1)
    assert.equal(await settingOf(`${ACTOR}.clip_ratio_low`), 0.2)
    assert.equal(await settingOf(`${ACTOR}.clip_ratio_high`, { epsilonHigh: 0.28 }), 0.28)
    // verl's own default would clip at 3 where ours has no bound.
    assert.equal(await settingOf(`${ACTOR}.clip_ratio_c`), 1e9)
    assert.equal(await settingOf(`${ACTOR}.clip_ratio_c`, { delta: 4 }), 4)
    assert.match(await refused({ delta: 1.1 }), /above 1 \+ epsilon_high/)
  })

  it('says how advantages are scaled, and refuses what verl has not', async () => {
    const scaled = 'algorithm.norm_adv_by_std_in_grpo'
    assert.deepEqual([await settingOf(scaled), await settingOf(scaled, { scaleRewards: 'none' })], [true, false])
    assert.equal(await settingOf(scaled, { advantageEstimator: 'dr_grpo' }), false)
    assert.equal(await settingOf('algorithm.adv_estimator', { advantageEstimator: 'rloo' }), 'rloo')
    assert.match(await refused({ scaleRewards: 'batch' }), /take group or none/)
    assert.match(await refused({ multiObjectiveAggregation: 'normalize_then_sum' }), /take sum_then_normalize/)
  })

  it('corrects for the sampler within our bounds', async () => {
    const correction = 'algorithm.rollout_correction'
    assert.equal(await settingOf(`${correction}.rollout_is`), 'sequence')
    assert.equal(await settingOf(`${correction}.rollout_is_threshold`), '1e-9_3')
    const truncate = { vllmImportanceSamplingMode: 'token_truncate', vllmImportanceSamplingClipMax: 2 }
    assert.equal(await settingOf(`${correction}.rollout_is`, truncate), 'token')
    assert.equal(await settingOf(`${correction}.rollout_is_threshold`, truncate), 2)
    assert.match(await refused({ ...truncate, vllmImportanceSamplingClipMin: 0.5 }), /clips the ratio above only/)
    assert.equal(await settingOf(`${correction}.rollout_is`, { vllmImportanceSamplingCorrection: false }), null)
  })

  it('says KL by the estimator with the same gradient', async () => {
    assert.equal(await settingOf(`${ACTOR}.use_kl_loss`), false)
    assert.equal(await settingOf(`${ACTOR}.kl_loss_type`, { beta: 0.1 }), 'low_var_kl+')
    assert.equal(await settingOf(`${ACTOR}.kl_loss_type`, { beta: 0.1, useBiasCorrectionKl: false }), 'low_var_kl')
  })

  it('has schedules that verl has, and refuses others with those', async () => {
    const optim = `${ACTOR}.optim`
    const lowest = { lrSchedulerType: 'cosine_with_min_lr', lrSchedulerKwargs: { min_lr: 1e-5 }, learningRate: 1e-4 }
    assert.equal(await settingOf(`${optim}.lr_scheduler_type`, lowest), 'cosine')
    assert.equal(await settingOf(`${optim}.min_lr_ratio`, lowest), 0.1)
    assert.equal(await settingOf(`${optim}.lr_scheduler_type`, { lrSchedulerType: 'constant_with_warmup' }), 'constant')
    assert.match(await refused({ lrSchedulerType: 'linear' }), /no linear schedule; take cosine/)
  })

  it('drops groups of equal rewards by filter_groups, and says that it does so without end', async () => {
    assert.equal(await settingOf('algorithm.filter_groups.enable', { dynamicSampling: true }), true)
    const { outcome, reason } = await optionOf(verlTarget, 'dynamic_sampling', {
      lrSchedulerType: 'cosine',
      dynamicSampling: true,
    })
    assert.equal(outcome, 'changed')
    assert.match(reason, /however long/)
  })

  it('has an adapter, or trains all weights', async () => {
    assert.equal(await settingOf('actor_rollout_ref.model.lora_rank', { loraR: 8 }), 8)
    assert.equal(await settingOf(`${ROLLOUT}.load_format`), 'safetensors')
    assert.equal(await settingOf('actor_rollout_ref.model.lora_rank', { usePeft: false }), 0)
    assert.equal(await settingOf(`${ROLLOUT}.load_format`, { usePeft: false }), undefined)
    for (const [options, said] of [
      [{ loraDropout: 0.1 }, /lora_dropout/],
      [{ useRslora: true }, /use_rslora/],
      [{ loraR: 600 }, /512/],
      [{ loraAlpha: 1.5 }, /whole number/],
      [{ rankPattern: { down_proj: 4 } }, /rank_pattern/],
      [{ dtype: 'int4' }, /no quantised weights/],
    ] as const) {
      assert.match(await refused(options), said)
    }
  })

  it('samples as here, and refuses what it cannot hand over', async () => {
    assert.equal(await settingOf(`${ROLLOUT}.top_k`), -1)
    assert.equal(await settingOf(`${ROLLOUT}.top_k`, { topK: 20 }), 20)
    const message = await refused({ minP: 0.1, repetitionPenalty: 1.1, stopStrings: ['x'], topEntropyQuantile: 0.5 })
    for (const option of ['min_p', 'repetition_penalty', 'stop_strings', 'top_entropy_quantile']) {
      assert.match(message, new RegExp(`^  ${option}: `, 'm'))
    }
  })

  it('takes the commit of a model on the Hub', async () => {
    const plan = await planOf({ lrSchedulerType: 'cosine' })
    const { trainCommand, files } = verlTarget.files({
      ...plan,
      model: { name: 'owner/name', revision: 'a'.repeat(40) },
    })
    assert.match(trainCommand, /snapshot_download\("owner\/name", revision="a{40}"\)/)
    assert.match(files['check_prompts.py'] as string, /MODEL, REVISION = "owner\/name", "a{40}"/)
  })
})
