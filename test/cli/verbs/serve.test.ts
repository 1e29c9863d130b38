import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { selectEngine } from '../../../src/engine/registry.js'
import { generate } from '../../../src/policy/generate.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import { randomPolicy } from '../../fixtures/policies.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { run, start } from '../run.js'

const token = 'a-token-of-the-test'

describe('grpo-ts serve', () => {
  const temporary = useTemporaryFolder()
  after(() => selectEngine('reference'))

  it('serves a model with adapters until Ctrl-C, and then answers what it works on', async () => {
    await selectEngine('cpu', { threads: 1 })
    const model = await loadModel('word-problems-2m')
    const policy = randomPolicy(model)
    await policy.saveAdapter(temporary('adapter'))
    fs.writeFileSync(temporary('token'), `${token}\n`)
    const prompt = model.tokenizer!.encodeChat([{ role: 'user', content: 'Tom has 3 apples.' }])
    const options = { maxCompletionLength: 100, seed: 1, numGenerations: 32 }
    const local = await generate(policy, [prompt], options)
    policy.dispose()
    model.dispose()

    const flags = ['--port', '0', '--engine', 'cpu', '--threads', '1', '--served-model-name', 'words']
    const child = start([
      'serve',
      'word-problems-2m',
      ...flags,
      '--adapter',
      `mine=${temporary('adapter')}`,
      '--token-file',
      temporary('token'),
    ])
    const exit = once(child, 'exit')
    const errors = text(child.stderr)
    let output = ''
    const [, url] = await new Promise<RegExpExecArray>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        const ready = /^serving +(http:\S+)$/m.exec(output)
        if (ready) resolve(ready)
      })
    })
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const models = (await (await fetch(`${url}/v1/models`, { headers })).json()) as { data: { id: string }[] }
    assert.deepEqual(
      models.data.map(({ id }) => id),
      ['words', 'mine'],
    )
    assert.equal((await fetch(`${url}/v1/models`)).status, 401)
    const asked = {
      model: 'mine',
      prompt: [prompt],
      n: 32,
      max_tokens: 100,
      seed: 1,
      logprobs: 0,
      return_token_ids: true,
    }
    const answer = fetch(`${url}/v1/completions`, { method: 'POST', headers, body: JSON.stringify(asked) })
    const running = async (): Promise<string> => (await fetch(`${url}/metrics`, { headers })).text()
    while (!/running 1$/m.test(await running())) await new Promise(setImmediate)
    child.kill('SIGINT')
    const { choices } = (await (await answer).json()) as {
      choices: { token_ids: number[]; logprobs: { token_logprobs: number[] } }[]
    }
    assert.deepEqual(
      choices.map(({ token_ids: ids, logprobs }) => [ids, logprobs.token_logprobs]),
      local.flat().map(({ ids, logProbs }) => [ids, logProbs]),
    )
    assert.deepEqual(await exit, [0, null])
    assert.match(output, /^model +words, \S+, engine cpu\nadapters mine\nserving/)
    const log = await errors
    assert.match(log, /^\S+ GET \/v1\/models 200 [\d.]+ ms 0 bytes$/m)
    assert.match(log, /^\S+ GET \/v1\/models 401 [\d.]+ ms 0 bytes: the token is missing or wrong$/m)
    assert.match(log, /^interrupted: answering what is worked on; Ctrl-C again ends it at once$/m)
    assert.match(log, /^\S+ POST \/v1\/completions 200 [\d.]+ ms \d+ bytes$/m)
    assert.ok(!log.includes(token))
  })

  it('refuses wrong uses', async () => {
    fs.writeFileSync(temporary('empty'), '\n')
    fs.writeFileSync(temporary('spaces'), 'no token at all\n')
    const taken = http.createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const port = String((taken.address() as AddressInfo).port)
    const cases: [string[], number, RegExp][] = [
      [[], 2, /missing required argument 'model'/],
      [['no/such/folder'], 1, /no\/such\/folder: does not exist/],
      [['word-problems-2m', '--host', '0.0.0.0'], 2, /there is no token/],
      [['word-problems-2m', '--port', '70000'], 2, /--port: expected a number of at most 65535/],
      [['word-problems-2m', '--port', port], 1, /cannot listen at 127\.0\.0\.1, port \d+/],
      [['word-problems-2m', '--adapter', 'folder'], 2, /--adapter\.0: expected NAME=FOLDER, got 'folder'/],
      [['word-problems-2m', '--adapter', 'a=x', 'a=y'], 2, /two of the name a/],
      [['word-problems-2m', '--adapter', 'a=no/such'], 1, /no\/such/],
      [['word-problems-2m', '--token-file', temporary('none')], 2, /--token-file .*none cannot be read/],
      [['word-problems-2m', '--token-file', temporary('empty')], 2, /holds no token/],
      [
        ['word-problems-2m', '--token-file', temporary('spaces')],
        2,
        /--token-file .*spaces holds no token; expected at least 8 characters/,
      ],
    ]
    try {
      for (const [args, code, message] of cases) {
        const outcome = await run(['serve', ...args, ...(args.length === 0 ? [] : ['--engine', 'reference'])])
        assert.match(outcome.stderr, message)
        assert.equal(outcome.code, code, outcome.stderr)
        assert.ok(!outcome.stderr.includes('no token at all'))
      }
    } finally {
      taken.close()
    }
  })
})
