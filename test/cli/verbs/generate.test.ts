import assert from 'node:assert/strict'
import fs from 'node:fs'
import { engineChoices } from '../../../src/engine/registry.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import { generate } from '../../../src/policy/generate.js'
import { Tokenizer } from '../../../src/text/tokenizer.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { run } from '../run.js'
import { writeTinyModel } from '../../fixtures/tinyModel.js'

interface Line {
  index?: number
  generation?: number
  completion_ids: number[]
  text: string
  logprobs: number[]
  finish_reason: string
}

const greedy = ['--max-completion-length', '6', '--temperature', '0']

describe('cli/generate', () => {
  const inFolder = useTemporaryFolder()
  let files: string[] = []

  beforeEach(() => {
    writeTinyModel(inFolder('model'))
    files = ['--model', inFolder('model'), '--input', inFolder('in.jsonl'), '--output', inFolder('out.jsonl')]
  })

  const writeInput = (...rows: unknown[]): void => {
    fs.writeFileSync(inFolder('in.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  }
  const readOutput = (): Line[] => readLines(fs.readFileSync(inFolder('out.jsonl'), 'utf8'))

  it('takes ids, text and messages, and writes a line for each in their order', async () => {
    const tokenizer = Tokenizer.load(inFolder('model'))
    const messages = [{ role: 'user', content: 'How many clips? <|im_end|>' }]
    const prompts = [
      [5, 6, 7],
      tokenizer.encode('How many clips?<|im_end|>', { addSpecialTokens: true }),
      tokenizer.encodeChat(messages),
    ]
    writeInput({ input_ids: [5, 6, 7] }, { prompt: 'How many clips?<|im_end|>', id: 'ignored' }, { messages })
    const { code, stdout, stderr } = await run(['generate', ...files, ...greedy])
    assert.equal(code, 0, stderr)
    assert.equal(stdout, '')
    assert.match(stderr, /^3 completions, \d+ tokens, [\d.]+ tokens\/s\n$/)

    const model = await loadModel(inFolder('model'))
    const expected = await generate(model, prompts, { maxCompletionLength: 6, temperature: 0 })
    model.dispose()
    const lines = readOutput()
    assert.deepEqual(
      lines,
      expected.flat().map(({ ids, text, logProbs, finishReason }) => ({
        completion_ids: ids,
        text,
        logprobs: logProbs,
        finish_reason: finishReason,
      })),
    )
    assert.equal(tokenizer.decode(lines[0]!.completion_ids, { skipSpecialTokens: true }), lines[0]!.text)
  })

  it('hands every sampling option on', async () => {
    writeInput({ input_ids: [5, 6, 7] }, { input_ids: [8] })
    const flags = {
      '--max-completion-length': 8,
      '--temperature': 0.8,
      '--top-k': 20,
      '--top-p': 0.9,
      '--min-p': 0.01,
      '--repetition-penalty': 1.2,
      '--seed': 3,
      '--num_generations': 2,
    }
    const args = Object.entries(flags).flatMap(([flag, value]) => [flag, String(value)])
    const { code, stderr } = await run(['generate', ...files, ...args, '--stop-strings', 'e', 'ab, c'])
    assert.equal(code, 0, stderr)

    const model = await loadModel(inFolder('model'))
    const expected = await generate(model, [[5, 6, 7], [8]], {
      maxCompletionLength: 8,
      temperature: 0.8,
      topK: 20,
      topP: 0.9,
      minP: 0.01,
      repetitionPenalty: 1.2,
      seed: 3,
      numGenerations: 2,
      stopStrings: ['e', 'ab, c'],
    })
    model.dispose()
    const lines = readOutput()
    assert.deepEqual(
      lines.map(({ index, generation }) => [index, generation]),
      [0, 1].flatMap((index) => [0, 1].map((generation) => [index, generation])),
    )
    assert.deepEqual(
      lines.map((line) => line.completion_ids),
      expected.flat().map(({ ids }) => ids),
    )
  })

  it('reads standard input and writes standard output', async () => {
    const args = ['generate', '--model', inFolder('model'), '--input', '-', '--output', '-', ...greedy]
    const { code, stdout } = await run(args, '{"input_ids": [5, 6]}\r\n\n{"prompt": "x"}')
    assert.equal(code, 0)
    assert.equal(readLines(stdout).length, 2)
    const bad = await run(args, '{"input_ids": [5, 6]}\n{"input_ids": [5')
    assert.equal(bad.code, 1)
    assert.match(bad.stderr, /^error: standard input:2: the line is not valid JSON/)
  })

  it('prints the completions of one prompt', async () => {
    const model = ['--model', inFolder('model')]
    for (const source of ['--prompt', '--chat']) {
      const { code, stdout, stderr } = await run(['generate', ...model, source, 'How many?', ...greedy])
      assert.equal(code, 0)
      assert.ok(stdout.length > 1 && stdout.endsWith('\n'))
      assert.match(stderr, /cut off at 6 tokens/)
    }
  })

  it('leaves room for the prompt in a model of few positions, and says how much there is', async () => {
    writeTinyModel(inFolder('small'), { max_position_embeddings: 64 })
    const args = ['generate', '--model', inFolder('small'), '--prompt', 'How many?']
    const byDefault = await run(args)
    assert.equal(byDefault.code, 0, byDefault.stderr)
    const tooLong = await run([...args, '--max-completion-length', '64'])
    const room = /leaves no room for 64 more .* set --max-completion-length to (\d+) or less/.exec(tooLong.stderr)![1]!
    assert.equal((await run([...args, '--max-completion-length', room])).code, 0)
    assert.equal((await run([...args, '--max-completion-length', `${Number(room) + 1}`])).code, 1)
    const long = await run([...args.slice(0, -1), 'x'.repeat(500)])
    assert.match(long.stderr, /in the 64 positions of the model; shorten it\n/)
  })

  it('names the line that it cannot use and leaves the output as it was', async () => {
    fs.writeFileSync(inFolder('out.jsonl'), 'earlier\n')
    const cases: [unknown, RegExp][] = [
      [{ text: 'x' }, /in\.jsonl:2: expected one of input_ids, prompt and messages/],
      [{ prompt: 'x', input_ids: [1] }, /in\.jsonl:2: expected one of input_ids, prompt and messages/],
      [{ input_ids: [] }, /in\.jsonl:2: input_ids/],
      [{ input_ids: [1.5] }, /in\.jsonl:2: input_ids\.0/],
      [{ input_ids: [352] }, /in\.jsonl:2: token id 352 is outside the model's vocabulary of 352/],
      [{ messages: [{ role: 'user' }] }, /in\.jsonl:2: messages\.0\.content is missing/],
      [['x'], /in\.jsonl:2: expected a JSON object/],
    ]
    for (const [row, message] of cases) {
      writeInput({ input_ids: [1] }, row)
      const { code, stderr } = await run(['generate', ...files, ...greedy])
      assert.equal(code, 1)
      assert.match(stderr, message)
      assert.match(stderr, /^error: [^\n]*\n$/, 'one line, without a stack')
    }
    assert.equal(fs.readFileSync(inFolder('out.jsonl'), 'utf8'), 'earlier\n')
    assert.deepEqual(fs.readdirSync(inFolder()).sort(), ['in.jsonl', 'model', 'out.jsonl'])
  })

  it('refuses a wrong use with exit code 2', async () => {
    writeInput({ input_ids: [1] })
    const model = ['--model', inFolder('model')]
    const cases: [string[], RegExp][] = [
      [model, /expected --input with --output, or --prompt, or --chat/],
      [[...model, '--input', inFolder('in.jsonl')], /expected --input with --output/],
      [[...files, '--prompt', 'x'], /expected --input with --output/],
      [[...files, '--temperature', '-1'], /--temperature: expected a number of at least 0, got -1/],
      [[...files, '--top-k', 'many'], /--top-k: expected a number, got 'many'/],
      [[...files, '--backend', 'cpu'], /--backend is renamed to --engine/],
      [[...files, '--engine', 'gpu'], new RegExp(`--engine: expected one of ${engineChoices.join(', ')}, got 'gpu'`)],
      [[...files, '--threads', '0'], /--threads: expected a number of at least 1, got 0/],
      [['--prompt', 'x'], /--model is missing\. Folder of the model/],
      [[...model, '--input', '-', '--output', inFolder('no', 'out')], /the folder .* does not exist/],
    ]
    for (const [args, message] of cases) {
      const { code, stderr } = await run(['generate', ...args])
      assert.match(stderr, message)
      assert.equal(code, 2, args.join(' '))
    }
  })
})

function readLines(text: string): Line[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}
