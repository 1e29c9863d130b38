import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseTrainConfig } from '../../../src/grpo/config/trainConfig.js'
import { weightedSum } from '../../../src/grpo/advantages.js'
import { loadModelTokenizer } from '../../../src/policy/modelTokenizer.js'
import { judgedCorrect } from '../../../src/rewards/judge.js'
import { loadRewards, rewardNames } from '../../../src/rewards/loadReward.js'
import { scoreCompletions } from '../../../src/rewards/scoreCompletions.js'
import { loadTask } from '../../../src/tasks/loadTask.js'
import { rewardsOf, serve } from './served.js'

/** What models write, right and wrong, about a problem. */
function completionsOf(answer: string, solution: string | undefined): string[] {
  return [
    solution ?? answer,
    `<think>\nLet me see: 2 + 2 = 4. Wait, 2 + 3 = 6.\n</think>\n<answer>${answer}</answer>`,
    `It is \\boxed{${answer}}.`,
    `#### ${answer}1`,
    '',
    'ja ja ja ja ja ja ja ja ja ja ja ja ja ja ja ja',
    'Ответ: 😀 \u0000\u2028',
  ]
}

describe('server/rewards, beside the library', function () {
  let folder = ''
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-rewards-'))
  })
  after(() => {
    fs.rmSync(folder, { recursive: true })
  })

  /** Asserts that the service says what the library says in this process, for some problems of a run. */
  async function assertEqual(config: Readonly<Record<string, unknown>>, completions = completionsOf): Promise<void> {
    const parsed = parseTrainConfig({ model: 'word-problems-2m', max_completion_length: 32, ...config })
    const { run } = parsed
    const task = await loadTask(run.task, parsed.task)
    const rewards = await loadRewards(run.rewards, run)
    const { tokenizer, eosTokenIds } = await loadModelTokenizer(run.model)
    const samples = task.problems.slice(0, 4).flatMap((problem, i) =>
      completions(problem.answer, problem.solution).map((completion, k) => {
        const ids = [
          ...tokenizer!.encode('1 2 3 '.repeat(i + 1)),
          ...((i + k) % 2 === 0 ? eosTokenIds.slice(0, 1) : []),
        ]
        const meta = { problem, finishReason: (i + k) % 2 === 0 ? ('stop' as const) : ('length' as const) }
        return { prompt: task.prompt(problem, tokenizer).text, completion, answer: problem.answer, ids, meta }
      }),
    )
    const { values } = await scoreCompletions(rewards, samples)
    const service = await serve({ max_completion_length: 32, ...config }, { workers: 2 })
    try {
      const answer = await rewardsOf(service, {
        problem_ids: samples.map(({ meta }) => meta.problem.id),
        completions: samples.map(({ completion }) => completion),
        completion_ids: samples.map(({ ids }) => ids),
      })
      assert.deepEqual(answer.errors, [])
      assert.deepEqual(
        answer.rewards,
        Object.fromEntries(rewards.map(({ name }, k) => [name, values.map((row) => row[k])])),
      )
      const weights = rewards.map(({ weight }, k) => run.rewardWeights?.[k] ?? weight)
      assert.deepEqual(Object.values(answer.weights), weights)
      assert.deepEqual(
        answer.total,
        values.map((row) => weightedSum(row, weights)),
      )
      assert.deepEqual(answer.correct, judgedCorrect(rewards, values))
      assert.ok(new Set(values.flat()).size > 1)
    } finally {
      await service.stop(0)
    }
  }

  // The lots of random depend on the order in which completions are judged.
  const rewards = rewardNames.filter((name) => name !== 'random')

  for (const task of ['word-problems', 'countdown', 'knights-and-knaves', 'syllogism']) {
    it(`gives the same rewards of ${task}`, () =>
      assertEqual({
        task,
        rewards: rewards,
        reward_weights: rewards.map((_, k) => k / 4),
      }))
  }

  it('gives the same rewards of programs, which run in the sandbox', async () => {
    const rows = ['add', 'sub'].map((name, i) => ({
      task_id: name,
      prompt: `function ${name}(a, b) {\n`,
      entry_point: name,
      canonical_solution: `  return a ${'+-'[i]} b\n}\n`,
      test: `if (${name}(3, 2) !== ${[5, 1][i]}) throw new Error('wrong')\n`,
      language: 'javascript',
    }))
    const data = path.join(folder, 'programs.jsonl')
    fs.writeFileSync(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    await assertEqual(
      { task: 'humaneval-js', data, time_limit: 500, rewards: ['correctness', 'format:0.5?when=correctness'] },
      (answer) => [answer, '  return 1\n}\n', '  while (true);\n}\n', '  process.exit()\n}\n', '', '  throw 1\n}\n'],
    )
  })

  it('gives the same rewards of modules of ones own: asynchronous, of batches, in threads of their own, by their own names', async () => {
    const file = path.join(folder, 'own.mjs')
    fs.writeFileSync(
      file,
      `export default ({ completion, answer, ids, prompt, meta }) =>
         completion.length + ids.length / 10 + prompt.length / 1000 + (meta.finishReason === 'stop') + answer.length / 7
       export const later = async ({ completion }) => {
         await new Promise((resolve) => setTimeout(resolve, completion.length % 7))
         return completion === '' ? null : 1 / completion.length
       }
       export const ranks = {
         name: 'ranks', weight: 2,
         score: () => { throw new Error('the batch is asked') },
         scoreBatch: async (samples) => samples.map((sample, i) => i % 5 === 0 ? null : i / samples.length + sample.completion.length),
       }`,
    )
    await assertEqual({
      task: 'word-problems',
      rewards: [
        { name: file, as: 'now' },
        { name: file, export: 'later', as: 'later' },
        { name: file, export: 'ranks' },
        { name: file, worker: true, as: 'thread' },
        { name: 'correctness', weight: 0.5 },
      ],
    })
  })
})
