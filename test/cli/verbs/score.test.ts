import assert from 'node:assert/strict'
import fs from 'node:fs'
import { selectEngine } from '../../../src/engine/registry.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import { scoreTokens } from '../../../src/policy/score.js'
import type { TokenScores } from '../../../src/policy/score.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { run } from '../run.js'
import { writeTinyModel } from '../../fixtures/tinyModel.js'

describe('cli/score', () => {
  const inFolder = useTemporaryFolder()
  let files: string[] = []

  // Another test of this process may have left tfjs on another backend.
  before(() => selectEngine('cpu'))

  beforeEach(() => {
    writeTinyModel(inFolder('model'))
    files = ['--model', inFolder('model'), '--input', inFolder('in.jsonl'), '--output', inFolder('out.jsonl')]
  })

  const writeInput = (...rows: unknown[]): void => {
    fs.writeFileSync(inFolder('in.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  }
  const scoreFile = async (...args: string[]): Promise<{ logprobs: number[]; entropies: number[] }[]> => {
    const { code, stderr } = await run(['score', ...files, ...args])
    assert.equal(code, 0, stderr)
    const lines = fs.readFileSync(inFolder('out.jsonl'), 'utf8').trimEnd().split('\n')
    return lines.map((line) => JSON.parse(line) as { logprobs: number[]; entropies: number[] })
  }
  const asLines = (scores: readonly TokenScores[]) =>
    scores.map(({ logProbs, entropies }) => ({ logprobs: logProbs, entropies }))

  it('scores the tokens from prompt_length on, at a temperature, more lines than one batch', async () => {
    const sequences = Array.from({ length: 40 }, (_, i) => ({ inputIds: [i, 2 * i, 7, 9], promptLength: 1 + (i % 4) }))
    writeInput(...sequences.map(({ inputIds, promptLength }) => ({ input_ids: inputIds, prompt_length: promptLength })))
    const model = await loadModel(inFolder('model'))
    for (const temperature of [1, 0.7]) {
      const lines = await scoreFile('--temperature', String(temperature))
      assert.deepEqual(lines, asLines(await scoreTokens(model, sequences, { temperature })))
      assert.deepEqual(
        lines.map(({ logprobs }) => logprobs.length),
        sequences.map(({ promptLength }) => 4 - promptLength),
      )
    }
    model.dispose()
  })

  it('scores with an adapter', async () => {
    const sequence = { inputIds: [5, 6, 7, 8], promptLength: 2 }
    writeInput({ input_ids: sequence.inputIds, prompt_length: 2 })
    const model = await loadModel(inFolder('model'))
    const policy = model.withLora({ r: 2 })
    const adapter = policy.adapter!
    for (const { b } of adapter.entries) b.values.fill(0.1)
    adapter.setValues(adapter.values)
    await policy.saveAdapter(inFolder('adapter'))
    const adapted = await scoreFile('--adapter', inFolder('adapter'))
    assert.deepEqual(adapted, asLines(await scoreTokens(policy, [sequence])))
    assert.notDeepEqual(adapted, await scoreFile())
    policy.dispose()
    model.dispose()
  })

  it('gives what was recorded when the tokens were sampled', async () => {
    writeInput({ input_ids: [5, 6, 7] })
    const sampling = ['--max-completion-length', '10', '--temperature', '0.9', '--num-generations', '4']
    assert.equal((await run(['generate', ...files, ...sampling])).code, 0)
    const sampled = fs.readFileSync(inFolder('out.jsonl'), 'utf8').trimEnd().split('\n')
    const completions = sampled.map((line) => JSON.parse(line) as { completion_ids: number[]; logprobs: number[] })
    writeInput(...completions.map((row) => ({ input_ids: [5, 6, 7, ...row.completion_ids], prompt_length: 3 })))
    for (const [i, { logprobs }] of (await scoreFile('--temperature', '0.9')).entries()) {
      const recorded = completions[i]!.logprobs
      assert.equal(logprobs.length, recorded.length)
      for (const [t, value] of logprobs.entries()) assert.ok(Math.abs(value - recorded[t]!) < 1e-5)
    }
  })

  it('scores a completion of a text or of a chat as its tokens', async () => {
    writeInput({ prompt: 'ab', completion: 'cd' }, { messages: [{ role: 'user', content: 'ab' }], completion: 'cd' })
    const { code, stderr } = await run(['score', ...files])
    assert.equal(code, 0, stderr)
    const lines = fs.readFileSync(inFolder('out.jsonl'), 'utf8').trimEnd().split('\n')
    const model = await loadModel(inFolder('model'))
    const tokenizer = model.tokenizer!
    const completionIds = tokenizer.encode('cd')
    const prompts = [
      tokenizer.encode('ab', { addSpecialTokens: true }),
      tokenizer.encodeChat([{ role: 'user', content: 'ab' }]),
    ]
    const sequences = prompts.map((ids) => ({ inputIds: [...ids, ...completionIds], promptLength: ids.length }))
    const expected = asLines(await scoreTokens(model, sequences))
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as unknown),
      expected.map((scores) => ({ completion_ids: completionIds, ...scores })),
    )
    model.dispose()
  })

  it('refuses what it cannot score', async () => {
    const cases: [unknown, RegExp][] = [
      [
        { input_ids: [1, 2] },
        /in\.jsonl:1: expected input_ids with prompt_length, or prompt or messages with completion/,
      ],
      [{ prompt: 'a' }, /in\.jsonl:1: expected input_ids with prompt_length, or prompt/],
      [{ prompt: 'a', completion: '' }, /in\.jsonl:1: completion/],
      [
        { prompt: 'a', input_ids: [1], prompt_length: 1 },
        /in\.jsonl:1: expected one of input_ids, prompt and messages/,
      ],
      [{ input_ids: [1, 2], prompt_length: 0 }, /in\.jsonl:1: prompt_length must be at least 1, got 0/],
      [{ input_ids: [1, 2], prompt_length: 3 }, /in\.jsonl:1: prompt_length is 3, but input_ids has only 2 tokens/],
      [{ input_ids: [1, 999], prompt_length: 1 }, /in\.jsonl:1: token id 999 is outside/],
    ]
    for (const [row, message] of cases) {
      writeInput(row)
      const { code, stderr } = await run(['score', ...files])
      assert.equal(code, 1)
      assert.match(stderr, message)
    }
    assert.ok(!fs.existsSync(inFolder('out.jsonl')))
    const { code, stderr } = await run(['score', ...files, '--temperature', '0'])
    assert.equal(code, 2)
    assert.match(stderr, /--temperature: expected a number above 0, got 0/)
  })
})
