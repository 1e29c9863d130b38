import assert from 'node:assert/strict'
import type { DiagnosisConfig, FindingName, Statement } from '../../../src/grpo/diagnosis/finding.js'
import { MetricHistory } from '../../../src/grpo/diagnosis/metricHistory.js'
import { diagnose } from '../../../src/grpo/diagnosis/runDiagnosis.js'

const config: DiagnosisConfig = {
  numGenerations: 8,
  generationBatchSize: 64,
  maxCompletionLength: 256,
  lossType: 'dapo',
  learningRate: 1e-4,
  maxGradNorm: 1,
  temperature: 1,
}

/** A small scatter that is the same in every run and differs from step to step. */
const scatter = (step: number): number => 0.1 * Math.sin(7 * step) + 0.05 * Math.cos(13 * step)

/** A run that learns: rewards rise, everything else stays in its place. */
const healthy = (step: number): Record<string, number> => ({
  loss: 0.01 * scatter(step),
  grad_norm: 0.3 + scatter(step),
  learning_rate: 1e-4,
  kl: 0.01,
  reward: 0.3 + 0.01 * step + 0.2 * scatter(step),
  entropy: 0.8 + 0.1 * scatter(step),
  'groups/all_right': 0.1,
  'groups/all_wrong': 0.2,
  'completions/mean_length': 80 + 20 * scatter(step),
  'completions/clipped_ratio': 0.05,
  'completions/mean_terminated_length': 75,
  'diversity/unique_completions': 7.5,
  'diversity/pairwise_distance': 0.8,
  'rewards/correctness/mean': 0.3 + 0.01 * step,
  'rewards/correctness/std': 0.45,
  'rewards/format/mean': 0.9 + 0.1 * scatter(step),
  'rewards/format/std': 0.3,
})

/** What is said after some steps of a run that is healthy but for the given metrics. */
function said(
  change: (step: number) => Record<string, number>,
  options: { steps?: number; config?: Partial<DiagnosisConfig> } = {},
): Statement[] {
  const history = new MetricHistory()
  for (let step = 0; step < (options.steps ?? 40); step++) history.add({ ...healthy(step), ...change(step) })
  return diagnose(history, { ...config, ...options.config })
}

const names = (statements: readonly Statement[]): FindingName[] => statements.map(({ name }) => name)

/** The one statement that a run leads to, with its numbers and an advice in its text. */
function only(statements: readonly Statement[], name: FindingName, ...numbers: RegExp[]): Statement {
  assert.deepEqual(names(statements), [name])
  const [statement] = statements as [Statement]
  for (const number of numbers) assert.match(statement.message, number)
  assert.ok(statement.advice.length > 10)
  assert.ok(Object.keys(statement.evidence).length > 0)
  return statement
}

const falling = (from: number, to: number) => (step: number) => from + (to - from) * Math.min(1, step / 20)

describe('grpo/diagnosis/rules', () => {
  it('say nothing about a healthy run, at any step', () => {
    for (let steps = 0; steps <= 60; steps++) assert.deepEqual(names(said(() => ({}), { steps })), [])
  })

  describe('no reasoning', () => {
    const lost = (step: number) => ({ 'reasoning/steps': falling(2.5, 0.05)(step), accuracy: 0.4 })

    it('fires when reasoning is driven out, and says by what', () => {
      const cut = only(
        said((step) => ({ ...lost(step), 'completions/clipped_ratio': falling(0.6, 0)(step) }), {
          config: { maxCompletionLength: 16 },
        }),
        'no_reasoning',
        /holds 0\.05 steps of reasoning \(2\.\d+ at the start\), and 40 % are right/,
        /up to 60 % were cut off at 16 tokens/,
      )
      assert.match(cut.advice, /checkpoint .* maxCompletionLength 32/)
      assert.match(only(said(lost), 'no_reasoning').advice, /lower learningRate/)
    })

    it('fires when the model never begins, and no sooner than after 20 steps', () => {
      const never = (step: number) => ({ 'reasoning/steps': 0.1 + 0.1 * scatter(step), accuracy: 0.2 })
      assert.match(only(said(never), 'no_reasoning').advice, /shots/)
      assert.match(only(said(never, { config: { temperature: 0.3 } }), 'no_reasoning').advice, /temperature 1/)
      assert.deepEqual(names(said(never, { steps: 19 })), [])
    })

    it('is silent while reasoning grows, where there is some, where most is right, and where nobody judges', () => {
      const cases: ((step: number) => Record<string, number>)[] = [
        (step) => ({ 'reasoning/steps': step / 100, accuracy: 0.4 }),
        () => ({ 'reasoning/steps': 1, accuracy: 0.4 }),
        (step) => ({ ...lost(step), accuracy: 0.9 }),
        (step) => ({ 'reasoning/steps': falling(2.5, 0.05)(step) }),
      ]
      for (const metrics of cases) assert.deepEqual(names(said(metrics)), [])
    })
  })

  describe('a collapse of the reward', () => {
    /** Learns for 15 steps, then falls apart. */
    const fallen = (step: number) => ({ reward: step < 15 ? 0.3 + 0.03 * step : 0.02 + 0.02 * scatter(step) })

    it('fires when what was gained is lost', () => {
      const statement = only(
        said(fallen, { steps: 20 }),
        'reward_collapse',
        /fell to 0\.0\d+, its best was 0\.69/,
        /means of 3 batches/,
      )
      assert.match(statement.advice, /learningRate 0\.00001/)
      assert.match(said(fallen, { steps: 20, config: { maxGradNorm: 0 } })[0]!.advice, /maxGradNorm 1/)
    })

    it('is not followed by what comes of it', () => {
      const ruins = (step: number) => ({
        ...fallen(step),
        accuracy: fallen(step).reward,
        'reasoning/steps': step < 15 ? 3 : 0,
        'groups/all_wrong': step < 15 ? 0.2 : 1,
        'groups/all_right': step < 15 ? 0.2 : 0,
        'completions/clipped_ratio': step < 15 ? 0 : 1,
      })
      assert.deepEqual(names(said(ruins, { steps: 25 })), ['reward_collapse'])
    })

    it('is silent when it scatters, when little is lost, and where a step holds few groups', () => {
      const cases: [(step: number) => Record<string, number>, Partial<DiagnosisConfig>][] = [
        [(step) => ({ reward: 0.3 + 1.5 * scatter(step) }), {}],
        [(step) => ({ reward: step < 15 ? 0.6 : 0.4 }), {}],
        // Single problems are right or wrong throughout.
        [(step) => ({ reward: step % 8 < 4 ? 1 : 0 }), { generationBatchSize: 8 }],
        [() => ({ reward: -1 }), {}],
      ]
      for (const [metrics, changed] of cases) assert.deepEqual(names(said(metrics, { config: changed })), [])
    })
  })

  describe('unsound reasoning', () => {
    const paid = (step: number): Record<string, number> => ({
      'reasoning/steps': 1 + step / 10,
      'rewards/correctness/mean': 0.5 + 0.02 * step,
    })

    it('fires when the reward rises and the calculations do not come out', () => {
      const statement = only(
        said((step) => ({ ...paid(step), 'reasoning/correct_calculations': 0.3 })),
        'unsound_reasoning',
        /only 30 % of their calculations come out \(30 % at the start\)/,
      )
      assert.match(statement.advice, /correctness/)
    })

    it('fires when more steps are written and fewer answers are right', () => {
      const counted = (step: number) => ({ ...paid(step), 'reasoning/correct_calculations': 0.8 })
      only(
        said((step) => ({ ...counted(step), accuracy: falling(0.4, 0.02)(step) })),
        'unsound_reasoning',
        /only 2 % of the answers are right \(3\d %/,
      )
      const kept = said((step) => ({ ...counted(step), accuracy: falling(0.4, 0.3)(step) }))
      assert.deepEqual(names(kept), [])
      // Shorter answers are another matter.
      const shorter = said((step) => ({
        ...counted(step),
        'reasoning/steps': falling(4, 2)(step),
        accuracy: falling(0.4, 0.02)(step),
      }))
      assert.deepEqual(names(shorter), [])
    })

    it('is silent when they do, or do more and more, when nothing is paid, and without calculations', () => {
      const cases: ((step: number) => Record<string, number>)[] = [
        (step) => ({ ...paid(step), 'reasoning/correct_calculations': 0.8 }),
        (step) => ({ ...paid(step), 'reasoning/correct_calculations': 0.1 + step / 120 }),
        (step) => ({ ...paid(step), 'reasoning/correct_calculations': 0.3, reward: 0.3 + 0.2 * scatter(step) }),
        paid,
      ]
      for (const metrics of cases) {
        assert.ok(!names(said(metrics)).includes('unsound_reasoning'))
      }
    })
  })

  describe('sampling mismatch', () => {
    const sampled = (difference: number, ratio = 1) => ({
      'sampling/sampling_logp_difference/mean': difference,
      'sampling/importance_sampling_ratio/mean': ratio,
    })

    it('fires when what samples is not the policy, or what is corrected for hardly counts', () => {
      const stale = only(
        said(() => sampled(0.08)),
        'sampling_mismatch',
        /0\.08 nats apart/,
        /lets 100 % of their weight count/,
      )
      assert.match(stale.advice, /sync/)
      const masked = only(
        said(() => sampled(0.03, 0.3)),
        'sampling_mismatch',
        /lets 30 % of their weight/,
      )
      assert.match(masked.advice, /token_truncate/)
      const difference = { 'sampling/sampling_logp_difference/mean': 0.06 }
      const plain = only(
        said(() => difference),
        'sampling_mismatch',
        /nothing is corrected/,
      )
      assert.match(plain.advice, /vllmImportanceSamplingCorrection/)
    })

    const onEngine = (mean: number, max: number, ratio = 1) => ({
      ...sampled(mean, ratio),
      'sampling/sampling_logp_difference/max': max,
      'sampling/expected_logp_difference/mean': 0.03,
      'sampling/expected_logp_difference/max': 0.15,
    })

    it('holds an engine against what it expects itself', () => {
      for (const [mean, max] of [
        [0.04, 0.1],
        [0.02, 0.2],
      ] as const) {
        // prettier-ignore
        const far = only(
          said(() => onEngine(mean, max)),
          'sampling_mismatch',
          new RegExp(`${mean} nats apart from the policy's on average and ${max} at most \\(its engine expects 0\\.03 and 0\\.15\\)`),
        )
        assert.match(far.advice, /precision float32/)
      }
      assert.deepEqual(names(said(() => onEngine(0.03, 0.15))), [])
      // The largest of a single batch may be anything.
      assert.deepEqual(names(said((step) => onEngine(0.02, step % 3 === 0 ? 0.1 : 0.4))), [])
      const masked = only(
        said(() => onEngine(0.02, 0.1, 0.3)),
        'sampling_mismatch',
        /lets 30 % of their weight/,
      )
      assert.match(masked.advice, /token_truncate/)
    })

    it('is silent at what arithmetic makes, for one batch, and where nothing is measured', () => {
      assert.deepEqual(names(said(() => sampled(0.03))), [])
      assert.deepEqual(names(said((step) => sampled(step === 39 ? 0.1 : 0.02))), [])
      assert.deepEqual(names(said(() => ({ 'sampling/sampling_logp_difference/mean': 0 }))), [])
    })
  })

  describe('no reward variance', () => {
    it('fires when most groups are all wrong', () => {
      const statement = only(
        said(() => ({ 'groups/all_wrong': 0.9, 'groups/all_right': 0 })),
        'all_wrong',
        /90 % of the groups of the last 3 batches have 8 equal rewards \(90 % all wrong, 0 % all right\)/,
      )
      assert.equal(statement.severity, 'error')
      assert.match(statement.advice, /easier/)
      const cold = said(() => ({ 'groups/all_wrong': 0.9 }), { config: { temperature: 0.3 } })
      assert.match(cold[0]!.advice, /temperature 1/)
      const cut = said(() => ({ 'groups/all_wrong': 0.9, 'completions/clipped_ratio': 0.7 }))
      assert.deepEqual(names(cut), ['all_wrong', 'truncation'])
      assert.match(cut[0]!.advice, /maxCompletionLength to 512: 70 % .* cut off/)
    })

    it('fires when most groups are all right', () => {
      const statement = only(
        said(() => ({ 'groups/all_wrong': 0.05, 'groups/all_right': 0.8 })),
        'all_right',
        /80 % all right/,
      )
      assert.equal(statement.severity, 'info')
    })

    it('does not call a problem solved whose wrong answers are paid', () => {
      const paid = (step: number) => ({
        'groups/all_wrong': 0.05,
        'groups/all_right': 0.8,
        accuracy: 0.3 + step / 1000,
      })
      const statement = only(said(paid), 'reward_hacking', /80 % of the groups are paid alike.*only 34 % .* are right/)
      assert.equal(statement.subject, 'format')
      assert.match(statement.advice, /lintReward/)
      assert.deepEqual(names(said((step) => ({ ...paid(step), accuracy: 0.85 }))), ['all_right'])
    })

    it('tells problems that are solved or out of reach from those that are solved', () => {
      const statement = only(
        said(() => ({ 'groups/all_wrong': 0.4, 'groups/all_right': 0.5 })),
        'solved_or_out_of_reach',
        /40 % all wrong, 50 % all right.*either solved or out of reach/,
      )
      assert.match(statement.advice, /middling difficulty/)
    })

    it('tells completions that are copies of each other, whatever they are worth', () => {
      for (const [allWrong, allRight] of [
        [0.5, 0.5],
        [1, 0],
        [0, 1],
      ] as const) {
        const alike = {
          'groups/all_wrong': allWrong,
          'groups/all_right': allRight,
          'diversity/unique_completions': 1.2,
        }
        const at = (temperature: number): readonly Statement[] =>
          said(() => alike, { steps: 8, config: { temperature } })
        assert.match(only(at(0.05), 'identical_completions', /1\.2 different ones/).advice, /temperature 1: at 0\.05/)
        assert.match(only(at(1), 'identical_completions').advice, /earlier checkpoint/)
      }
    })

    it('is silent when a third of the groups teach, and when too few groups were seen', () => {
      assert.deepEqual(
        said(() => ({ 'groups/all_wrong': 0.4, 'groups/all_right': 0.26 })),
        [],
      )
      const oneGroup = { steps: 15, config: { generationBatchSize: 8 } }
      assert.deepEqual(
        said(() => ({ 'groups/all_wrong': 1, 'groups/all_right': 0 }), oneGroup),
        [],
      )
    })
  })

  describe('truncation', () => {
    const cut = (share: number, ended: number) => () => ({
      'completions/clipped_ratio': share,
      'completions/mean_terminated_length': ended,
    })

    it('fires above 20 %, and tells long answers from loops', () => {
      const long = only(said(cut(0.4, 180)), 'truncation', /40 %/, /256 tokens/, /180 tokens/)
      assert.match(long.advice, /maxCompletionLength to 512/)
      assert.match(only(said(cut(0.4, 60)), 'truncation').advice, /maskTruncatedCompletions/)
    })

    it('says that EOS never comes when nothing ends', () => {
      assert.match(only(said(cut(1, 0)), 'eos_never', /100 %/).advice, /eos_token_id.*stopStrings/)
    })

    it('is silent below', () => {
      assert.deepEqual(said(cut(0.15, 100)), [])
    })
  })

  describe('a constant reward', () => {
    const constant = (value: number) => () => ({ 'rewards/format/mean': value, 'rewards/format/std': 0 })

    it('fires when a reward never pays, and when it always pays', () => {
      assert.equal(only(said(constant(0)), 'reward_never_fires', /192 completions/).subject, 'format')
      assert.equal(only(said(constant(1)), 'reward_always_fires', /was 1 for each/).subject, 'format')
    })

    it('is silent when it varies a little, changed between batches, or was seen too rarely', () => {
      assert.deepEqual(
        said(() => ({ 'rewards/format/mean': 0.98, 'rewards/format/std': 0.1 })),
        [],
      )
      assert.deepEqual(
        said((step) => ({ 'rewards/format/mean': step % 2, 'rewards/format/std': 0 })),
        [],
      )
      assert.deepEqual(said(constant(0), { steps: 2 }), [])
      // It paid once, so it can.
      const paidOnce = (step: number) =>
        step === 3 ? { 'rewards/format/mean': 0.1, 'rewards/format/std': 0.3 } : constant(0)()
      assert.deepEqual(said(paidOnce), [])
      assert.deepEqual(said(constant(0), { steps: 15, config: { generationBatchSize: 8 } }), [])
    })
  })

  describe('collapse', () => {
    it('fires when the entropy falls away', () => {
      const fallen = said((step) => ({ entropy: falling(0.54, 0.06)(step) }))
      assert.match(only(fallen, 'entropy_collapse', /to 0\.06 nats/).advice, /learningRate to 0\.0000333/)
    })

    it('fires when the completions of a group become the same', () => {
      only(
        said((step) => ({ 'diversity/unique_completions': falling(7, 2)(step) })),
        'diversity_collapse',
        /of 8 .* 2 differ/,
      )
      only(
        said((step) => ({ 'diversity/pairwise_distance': falling(0.9, 0.1)(step) })),
        'diversity_collapse',
        /90 %|10 %/,
      )
    })

    it('is silent when the problems are solved, when little was lost, and early on', () => {
      const sure = (step: number) => ({
        entropy: falling(0.54, 0.06)(step),
        'diversity/unique_completions': falling(7, 2)(step),
      })
      assert.deepEqual(
        said((step) => ({ ...sure(step), 'groups/all_right': 0.6, 'groups/all_wrong': 0.05 })),
        [],
      )
      assert.deepEqual(
        said((step) => ({ ...sure(step), accuracy: 0.85 })),
        [],
      )
      assert.deepEqual(
        said((step) => ({ entropy: falling(0.54, 0.2)(step) })),
        [],
      )
      // Low from the start is how some tasks are.
      assert.deepEqual(
        said(() => ({ entropy: 0.05, 'diversity/unique_completions': 2 })),
        [],
      )
      assert.deepEqual(said(sure, { steps: 8 }), [])
    })
  })

  describe('length creep', () => {
    const longer = (step: number) => ({ 'completions/mean_length': falling(60, 150)(step) })
    const flat = (step: number) => ({ reward: 0.4 + scatter(step) })

    it('fires when completions grow and rewards do not', () => {
      const creep = only(
        said((step) => ({ ...longer(step), ...flat(step) })),
        'length_creep',
        /to 150 tokens/,
      )
      assert.match(creep.advice, /overlong/)
      const grpo = said((step) => ({ ...longer(step), ...flat(step) }), { config: { lossType: 'grpo' } })
      assert.match(grpo[0]!.advice, /dr_grpo/)
    })

    it('is silent while the reward may be rising, as it does in a run that learns to reason', () => {
      // 0.045 more in the last 15 of 30 steps, with a standard error of 0.036.
      const early = (step: number) => ({ ...longer(step), reward: 0.42 + (step < 15 ? 0 : 0.06) + 1.1 * scatter(step) })
      assert.deepEqual(said(early, { steps: 30 }), [])
      // The reward stands still for longer than it takes to follow.
      assert.deepEqual(
        said((step) => ({ ...longer(step), ...flat(step) }), { steps: 29 }),
        [],
      )
    })

    it('is silent when the reward grows too, and when the length only scatters', () => {
      assert.deepEqual(said(longer), [])
      assert.deepEqual(
        said((step) => ({ 'completions/mean_length': 80 + 100 * scatter(step), ...flat(step) })),
        [],
      )
    })
  })

  describe('spikes', () => {
    const at = (last: number, name: string, usual: number, peak: number) => (step: number) => ({
      [name]: step === last ? peak : usual * (1 + scatter(step)),
    })

    it('fire when the norm of the gradients or the KL divergence jumps', () => {
      const norm = only(
        said(at(39, 'grad_norm', 0.4, 9)),
        'gradient_spike',
        /jumped to 9/,
        /median of 0\.4/,
        /clipped to 1/,
      )
      assert.match(norm.advice, /maxGradNorm to 0\.8/)
      assert.match(only(said(at(39, 'kl', 0.01, 0.5)), 'kl_spike', /0\.5 nats/).advice, /learningRate to 0\.00001/)
    })

    it('are silent about scatter, jumps of the past, small values and the first steps', () => {
      assert.deepEqual(said(at(39, 'grad_norm', 0.4, 1.6)), [])
      assert.deepEqual(said(at(30, 'grad_norm', 0.4, 9)), [])
      assert.deepEqual(said(at(39, 'kl', 0.0001, 0.01)), [])
      assert.deepEqual(said(at(5, 'grad_norm', 0.4, 9), { steps: 6 }), [])
      // Steps without a signal have a norm of 0; they are no measure of what is usual.
      assert.deepEqual(
        said((step) => ({ grad_norm: step % 4 === 3 ? 0.5 : 0 })),
        [],
      )
    })
  })

  describe('not finite', () => {
    const still: Record<string, number> = {}

    it('fires for NaN and infinity in the last step', () => {
      only(
        said((step) => (step === 39 ? { loss: NaN, grad_norm: Infinity } : still)),
        'not_finite',
        /loss, grad_norm are not finite/,
      )
      const unclipped = said((step) => (step === 39 ? { grad_norm: NaN } : still), { config: { maxGradNorm: 0 } })
      assert.match(only(unclipped, 'not_finite', /grad_norm is not/).advice, /maxGradNorm to 1/)
    })

    it('is silent about metrics that nothing was there for, and afterwards', () => {
      assert.deepEqual(
        said(() => ({ 'rewards/rare/mean': NaN, 'clip_ratio/low_min': NaN })),
        [],
      )
      assert.deepEqual(
        said((step) => (step === 38 ? { loss: NaN } : still)),
        [],
      )
    })
  })

  describe('an idle learning rate', () => {
    const still = (step: number) => ({
      reward: 0.4 + scatter(step),
      entropy: 0.8 + 0.02 * scatter(step),
      learning_rate: 1e-6,
    })

    it('fires when nothing moves, and at once when it is 0', () => {
      const idle = said(still, { config: { learningRate: 1e-6 } })
      assert.match(
        only(idle, 'idle_learning_rate', /40 steps/, /more than 0\.00004/).advice,
        /learningRate to 0\.00001/,
      )
      const zero = said(() => ({ learning_rate: 0 }), { steps: 3, config: { learningRate: 0 } })
      assert.equal(only(zero, 'idle_learning_rate', /was 0/).severity, 'error')
    })

    it('fires although the entropy scatters with the choice of problems', () => {
      // 0.334 in the first ten steps, 0.316 in the last: more than a twentieth, less than two standard errors.
      const idle = (step: number) => ({ ...still(step), entropy: 0.3 + (step % 7 < 3 ? 0.07 : -0.02) })
      only(said(idle), 'idle_learning_rate')
    })

    it('is silent when something moves, is dead, or came a long way, early on, and in a warm-up', () => {
      assert.deepEqual(
        said((step) => ({ ...still(step), reward: 0.3 + 0.02 * step })),
        [],
      )
      assert.deepEqual(
        said((step) => ({ ...still(step), entropy: 0.8 - 0.01 * step })),
        [],
      )
      assert.deepEqual(names(said((step) => ({ ...still(step), 'groups/all_wrong': 0.95 }))), ['all_wrong'])
      assert.deepEqual(
        said((step) => ({ ...still(step), learning_rate: 1e-4 })),
        [],
      )
      assert.deepEqual(said(still, { steps: 29 }), [])
      assert.deepEqual(
        said((step) => ({ learning_rate: step * 1e-6 }), { steps: 3 }),
        [],
      )
    })
  })

  describe('reward hacking', () => {
    const format = (step: number) => ({ 'rewards/format/mean': falling(0.2, 0.95)(step) })
    const wrong = (step: number) => ({ 'rewards/correctness/mean': 0.2 + 0.02 * scatter(step) })

    it('fires when form was learned and correctness was not', () => {
      const hacked = said((step) => ({ ...format(step), ...wrong(step) }))
      const { subject, advice } = only(
        hacked,
        'reward_hacking',
        /format rose from 0\.\d+ to 0\.95/,
        /correctness stayed at 0\.2/,
      )
      assert.equal(subject, 'format')
      assert.match(advice, /only where correctness/)
    })

    it('is silent when correctness follows, is nearly full, or form is still being learned', () => {
      assert.deepEqual(said(format), [])
      assert.deepEqual(
        said((step) => ({ ...format(step), 'rewards/correctness/mean': 0.95 })),
        [],
      )
      const rising = (step: number) => ({ 'rewards/format/mean': 0.1 + 0.02 * step })
      assert.deepEqual(
        said((step) => ({ ...rising(step), ...wrong(step) })),
        [],
      )
      assert.deepEqual(
        said((step) => ({ ...format(step), ...wrong(step) }), { steps: 25 }),
        [],
      )
    })
  })
})
