import assert from 'node:assert/strict'
import { selectEngine } from '../../../src/engine/registry.js'
import {
  checkChatTemplate,
  checkEndOfSequence,
  checkPromptLengths,
  evenly,
} from '../../../src/grpo/preflight/modelChecks.js'
import { checkRewards } from '../../../src/grpo/preflight/rewardChecks.js'
import { checkCompletionLength, checkSignal } from '../../../src/grpo/preflight/rolloutChecks.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { correctness } from '../../../src/rewards/index.js'
import type { RewardFunction, RewardSample } from '../../../src/rewards/reward.js'
import { arithmetic } from '../../../src/tasks/generators/arithmetic.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { groupOf } from '../metrics/groups.js'

describe('grpo/preflight checks', () => {
  const models: CausalLM[] = []
  const load = async (changes: Record<string, unknown> = {}, tokenizer = true): Promise<CausalLM> => {
    const model = await loadModel(temporaryTinyModel(changes, { tokenizer }))
    models.push(model)
    return model
  }
  before(() => selectEngine('cpu'))
  after(() => {
    for (const model of models) model.dispose()
  })

  /** A model that differs from a real one in what its tokenizer says. */
  const withTokens = (model: CausalLM, eosTokenIds: readonly number[]): CausalLM =>
    Object.create(model, { eosTokenIds: { value: eosTokenIds }, tokenizer: { value: model.tokenizer } }) as CausalLM

  it('look for a chat template', async () => {
    assert.equal(checkChatTemplate(await load()).status, 'ok')
    assert.equal(checkChatTemplate(await load({}, false)).status, 'warning')
  })

  it('compare the end of a turn in the chat template with the EOS tokens', async () => {
    const model = await load()
    assert.equal(checkEndOfSequence(model).status, 'ok')
    assert.match(checkEndOfSequence(model).message, /<\|im_end\|>/)
    const other = checkEndOfSequence(withTokens(model, [model.tokenizer!.tokenToId('<|endoftext|>')!]))
    assert.equal(other.status, 'problem')
    assert.match(other.message, /ends an answer with "<\|im_end\|>\\n", but the EOS tokens are <\|endoftext\|>/)
    assert.equal(checkEndOfSequence(withTokens(model, [])).status, 'problem')
    assert.equal(checkEndOfSequence(await load({ eos_token_id: 3 }, false)).status, 'ok')
  })

  it('find prompts that leave no room for a completion', async () => {
    const model = await load({ max_position_embeddings: 512 })
    const task = arithmetic()
    const longest = Math.max(
      ...evenly(task.problems, 100).map((problem) => task.prompt(problem, model.tokenizer).ids.length),
    )
    assert.equal(checkPromptLengths(model, task, 512 - longest + 1).status, 'ok')
    const tooLong = checkPromptLengths(model, task, 512 - longest + 2)
    assert.equal(tooLong.status, 'problem')
    assert.match(tooLong.advice!, new RegExp(`maxCompletionLength to ${512 - longest + 1} or less`))
  })

  it('spread problems evenly', () => {
    assert.deepEqual(evenly([1, 2, 3], 5), [1, 2, 3])
    assert.deepEqual(
      evenly(
        Array.from({ length: 100 }, (_, i) => i),
        4,
      ),
      [0, 25, 50, 75],
    )
  })

  describe('of rewards', () => {
    const asked = arithmetic()
      .problems.slice(0, 10)
      .map((problem) => ({ problem, promptText: `1 + 1 is\n#### 2\n${problem.question}` }))
    const statuses = async (rewards: RewardFunction[]): Promise<string[]> =>
      (await checkRewards(asked, rewards)).map(({ name, status }) => `${name} ${status}`)
    const paying = (score: (input: RewardSample) => number): RewardFunction => ({
      name: 'mine',
      judges: 'correctness',
      weight: 1,
      score,
    })

    it('are content with a reward that pays for gold answers and nothing else', async () => {
      assert.deepEqual(await statuses([correctness()]), ['gold_answers ok', 'adversarial_answers ok'])
      assert.deepEqual(await statuses([{ name: 'length', weight: 1, score: () => 1 }]), ['gold_answers ok'])
    })

    it('find a reward that never pays, and ones that pay for an answer among many or for anything', async () => {
      assert.deepEqual(await statuses([paying(() => 0)]), ['gold_answers problem', 'adversarial_answers ok'])
      const contains = paying(({ completion, meta: { problem } }) => (completion.includes(problem.answer) ? 1 : 0))
      assert.deepEqual(await statuses([contains]), ['gold_answers ok', 'adversarial_answers warning'])
      const [, holes] = await checkRewards(asked, [contains])
      assert.match(holes!.message, /every number listed, #### \(9 of 10\)/)
      assert.deepEqual(await statuses([paying(() => 1)]), ['gold_answers ok', 'adversarial_answers warning'])
    })
  })

  describe('of completions', () => {
    const cut = (ended: number, truncated: number, length: number) => {
      const group = groupOf(
        Array.from({ length: ended + truncated }, () => ({ ids: new Array<number>(length).fill(1) })),
      )
      const completions = group.completions.map((completion, i) => ({
        ...completion,
        finishReason: i < ended ? ('stop' as const) : ('length' as const),
      }))
      return checkCompletionLength([{ ...group, completions }], { maxCompletionLength: 100 })
    }

    it('compare lengths with the limit', () => {
      assert.equal(cut(18, 2, 80).status, 'ok')
      assert.match(cut(10, 10, 80).advice!, /maxCompletionLength to 200/)
      assert.match(cut(10, 10, 20).advice!, /round in circles/)
      assert.equal(cut(10, 10, 20).status, 'warning')
      assert.equal(cut(0, 20, 100).status, 'problem')
    })

    /** Groups of four with so many right ones each; format says whether their form differs. */
    const groups = (passes: number[], format = false) =>
      passes.map((right) =>
        groupOf([0, 1, 2, 3].map((i) => ({ rewards: { correctness: i < right ? 1 : 0, format: format ? i % 2 : 0 } }))),
      )
    const statuses = (passes: number[], format = false) =>
      checkSignal(groups(passes, format), { numGenerations: 8 }).checks.map(({ status }) => status)

    it('judge how hard the problems are', () => {
      assert.deepEqual(statuses([1, 2, 3, 0, 4, 2]), ['ok', 'ok'])
      assert.deepEqual(statuses(new Array<number>(20).fill(4)), ['warning', 'problem'])
      assert.deepEqual(statuses(new Array<number>(20).fill(0)), ['warning', 'problem'])
      // Nobody is right, but form can be learned.
      assert.deepEqual(statuses(new Array<number>(20).fill(0), true), ['warning', 'ok'])
      const { passRate, usableGroups, checks } = checkSignal(groups([4, 4, 4, 4, 0, 0]), { numGenerations: 8 })
      assert.equal(passRate, 2 / 3)
      assert.ok(usableGroups < 0.1)
      assert.match(checks[0]!.message, /67 % .* 2 were never right in 4 attempts, 4 always/)
      assert.match(checks[1]!.advice!, /harder/)
    })
  })
})
