import assert from 'node:assert/strict'
import fs from 'node:fs'
import type { ExportPlan } from '../../../src/export/exportPlan.js'
import { openrlhfTarget } from '../../../src/export/openrlhf/openrlhfTarget.js'
import type { PromptRow } from '../../../src/export/promptsParquet.js'
import { readParquet } from '../../../src/tasks/rows/parquet.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { optionOf, planOf } from '../exportFixture.js'
import { refusalOf } from '../refusalOf.js'

/** The values of a flag of the train command, in one text; null where it is not there. */
async function flagOf(
  name: string,
  options: Readonly<Record<string, unknown>> = {},
  processes = 1,
): Promise<string | null> {
  const { trainCommand } = openrlhfTarget.files(await planOf({ usePeft: false, ...options }, processes))
  const line = new RegExp(`^ *--${name.replaceAll('.', '\\.')}(?: (.*?))?(?: "\\$@"\\))?$`, 'm').exec(trainCommand)
  return line === null ? null : (line[1] ?? '')
}

const refused = (options: Readonly<Record<string, unknown>>, processes = 1): Promise<string> =>
  refusalOf(openrlhfTarget, { usePeft: false, ...options }, processes)

describe('an export to OpenRLHF', () => {
  const inFolder = useTemporaryFolder()

  function rowsOf(plan: ExportPlan): PromptRow[] {
    fs.writeFileSync(inFolder('train.parquet'), openrlhfTarget.files(plan).files['data/train.parquet']!)
    return [...readParquet(inFolder('train.parquet'))].map(({ value }) => value as PromptRow)
  }

  it('refuses adapters, whose weights vLLM would not know', async () => {
    assert.match(await refusalOf(openrlhfTarget, {}), /use_peft: .* set it to false .* or export to TRL or verl/)
    assert.equal(await flagOf('ds.lora.rank'), '0')
  })

  it('holds the prompts as text of which its tokenizer makes our tokens', async () => {
    const plan = await planOf({ usePeft: false })
    const rows = rowsOf(plan)
    assert.deepEqual(
      rows.map(({ problem_id: id }) => id),
      plan.task.problems.map(({ id }) => id),
    )
    for (const [i, { prompt }] of rows.entries()) assert.deepEqual(plan.tokenizer.encode(prompt), plan.prompts[i]!.ids)
  })

  it('holds as many prompts as the steps take, each problem once in a pass', async () => {
    const plan = await planOf({ usePeft: false, maxSteps: 5, perDeviceTrainBatchSize: 16, limit: 4 })
    const ids = rowsOf(plan).map(({ problem_id: id }) => id)
    assert.equal(ids.length, 10)
    assert.equal(new Set(ids.slice(0, 4)).size, 4)
    assert.equal(new Set(ids.slice(4, 8)).size, 4)
    assert.equal(await flagOf('train.num_episodes', { maxSteps: 5 }), '1')
    assert.equal(await flagOf('train.num_episodes', { numTrainEpochs: 2 }), '2')
    assert.match(await refused({ numTrainEpochs: 1.5 }), /whole number, or max_steps/)
    assert.match(await refused({ maxSteps: 2_000_000 }), /2000000 prompts, more than the data may hold/)
  })

  it('counts batches of all GPUs', async () => {
    const options = { perDeviceTrainBatchSize: 16, gradientAccumulationSteps: 2 }
    assert.equal(await flagOf('rollout.batch_size', options, 2), '4')
    assert.equal(await flagOf('train.batch_size', options, 2), '32')
    assert.equal(await flagOf('train.micro_batch_size', options, 2), '8')
    assert.match(await refused({ perDeviceTrainBatchSize: 16 }, 3), /16 completions .* 3 processes/)
  })

  it('leaves room for the longest prompt and completion', async () => {
    const { prompts } = await planOf()
    const longest = Math.max(...prompts.map(({ ids }) => ids.length))
    assert.equal(await flagOf('data.max_len', { maxCompletionLength: 100 }), String(longest + 100))
  })

  it('warms up for as many steps as here, which OpenRLHF rounds up from a share', async () => {
    for (const [maxSteps, warmupSteps] of [
      [7, 3],
      [100, 10],
      [40, 0],
    ] as const) {
      const ratio = Number(await flagOf('actor.lr_warmup_ratio', { maxSteps, warmupSteps }))
      assert.equal(Math.ceil(maxSteps * ratio), warmupSteps)
    }
  })

  it('says advantages and losses that it has, and refuses others', async () => {
    assert.equal(await flagOf('algo.advantage.estimator'), 'group_norm')
    assert.equal(await flagOf('algo.advantage.estimator', { scaleRewards: 'none' }), 'dr_grpo')
    assert.equal(await flagOf('algo.advantage.estimator', { advantageEstimator: 'rloo' }), 'rloo')
    assert.equal(await flagOf('actor.loss_agg_mode', { lossType: 'grpo' }), 'seq-mean-token-mean')
    const gspo = { lossType: 'grpo', importanceSamplingLevel: 'sequence' }
    assert.equal(await flagOf('actor.policy_loss_type', gspo), 'gspo')
    assert.equal(await flagOf('actor.eps_clip_low_high', { epsilonHigh: 0.28 }), '0.2 0.28')
    assert.equal(await flagOf('actor.dual_clip'), null)
    assert.equal(await flagOf('actor.dual_clip', { delta: 3 }), '3')
    for (const lossType of ['dr_grpo', 'cispo', 'sapo', 'luspo', 'vespo']) {
      assert.match(await refused({ lossType }), /loss_type: .* take dapo or grpo/)
    }
    assert.match(await refused({ dynamicSampling: true }), /dynamic_sampling: .* export to verl/)
    assert.match(await refused({ shuffleDataset: false, topK: 5 }), /shuffle_dataset: .*\n.*top_k: /s)
  })

  it('takes no reference model without KL, which is a loss with it', async () => {
    assert.equal(await flagOf('algo.kl.init_coef'), '0')
    assert.equal(await flagOf('algo.kl.use_loss'), null)
    const withKl = { beta: 0.02 }
    assert.equal(await flagOf('algo.kl.init_coef', withKl), '0.02')
    assert.equal(await flagOf('algo.kl.use_loss', withKl), '')
    assert.equal(await flagOf('algo.kl.unbiased_gradient', withKl), '')
    assert.equal(await flagOf('algo.kl.unbiased_gradient', { ...withKl, useBiasCorrectionKl: false }), null)
  })

  it('says that its correction looks at the mean of the ratios', async () => {
    const { outcome, there, reason } = await optionOf(openrlhfTarget, 'vllm_importance_sampling_correction', {
      usePeft: false,
    })
    assert.equal(outcome, 'changed')
    assert.match(there, /"seq".*"mask".*\[0,3\]/)
    assert.match(reason, /geometric mean/)
    assert.equal(await flagOf('algo.advantage.is_correction_level', { vllmImportanceSamplingCorrection: false }), 'off')
  })

  it('gives the token of the service to no command: reward_func has it from the environment', async () => {
    const { trainCommand, rewardFunctions } = openrlhfTarget.files(await planOf({ usePeft: false }))
    assert.doesNotMatch(trainCommand, /TOKEN/)
    assert.match(trainCommand, /--reward\.remote_url "\$PWD\/grpo_ts_rewards\.py"/)
    assert.match(rewardFunctions, /^def reward_func\(queries, prompts, labels\):$/m)
  })
})
