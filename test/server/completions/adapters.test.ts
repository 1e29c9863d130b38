import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { selectEngine } from '../../../src/engine/registry.js'
import { generate } from '../../../src/policy/generate.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { memoryInUse, randomPolicy } from '../../fixtures/policies.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { asServed, serveForTest } from './served.js'
import type { Answer, Served } from './served.js'

const files = ['adapter_config.json', 'adapter_model.safetensors'] as const
const options = { maxCompletionLength: 20, seed: 5, numGenerations: 2 }
const asked = { max_tokens: 20, seed: 5, n: 2 }

describe('server/completions adapters', () => {
  const temporary = useTemporaryFolder()
  let model: CausalLM
  let served: Served
  let prompts: number[][]

  before(async () => {
    await selectEngine('cpu', { threads: 2 })
    model = await loadModel('word-problems-2m')
    const tokenizer = model.tokenizer!
    prompts = ['Tom has 3 apples.', 'Ann buys 12 pens.'].map((content) =>
      tokenizer.encodeChat([{ role: 'user', content }]),
    )
  })

  after(async () => {
    model.dispose()
    await selectEngine('reference')
  })

  beforeEach(async () => {
    served = await serveForTest(model)
  })

  afterEach(() => served.service.stop(0))

  const adapter = async (name: string, seed: number): Promise<string> => {
    const policy = randomPolicy(model, {}, seed)
    await policy.saveAdapter(temporary(name))
    policy.dispose()
    return temporary(name)
  }
  const withFolder = async (folder: string): Promise<unknown> => {
    const policy = model.withAdapter(folder)
    const completions = asServed(await generate(policy, prompts, options))
    policy.dispose()
    return completions
  }
  const load = (name: string, folder: string, sent?: Record<string, string>): Promise<Answer> =>
    served.post('/v1/load_lora_adapter', { lora_name: name, lora_path: folder, ...(sent && { files: sent }) })
  const unload = (name: string): Promise<Answer> => served.post('/v1/unload_lora_adapter', { lora_name: name })
  const namesOf = async (): Promise<unknown[]> =>
    ((await served.get('/v1/models')).body as { data: { id: string }[] }).data.map(({ id }) => id)
  const base64 = (folder: string): Record<string, string> =>
    Object.fromEntries(files.map((name) => [name, fs.readFileSync(path.join(folder, name)).toString('base64')]))
  const messageOf = ({ body }: Answer): string => (body as { error: { message: string } }).error.message
  const leftovers = (): string[] => fs.readdirSync(os.tmpdir()).filter((name) => name.startsWith('grpo-ts-adapter-'))

  it('gives the completions of each adapter and of the base, also at the same time', async () => {
    const folders = [await adapter('a', 1), await adapter('b', 2)]
    for (const [i, folder] of folders.entries()) {
      const { status, body } = await load(`step-${i}`, folder)
      assert.deepEqual([status, body], [200, `Success: LoRA adapter 'step-${i}' added successfully.`])
    }
    const names = ['step-0', 'base', 'step-1']
    const answers = await Promise.all(names.map((name) => served.complete({ ...asked, model: name, prompt: prompts })))
    const local = [
      await withFolder(folders[0]!),
      asServed(await generate(model, prompts, options)),
      await withFolder(folders[1]!),
    ]
    assert.deepEqual(answers, local)
    assert.notDeepEqual(local[0], local[1])
    assert.notDeepEqual(local[0], local[2])
    const { body } = await served.get('/v1/models')
    assert.deepEqual(
      (body as { data: { id: string; parent: string; root: string }[] }).data.map(({ id, parent }) => [id, parent]),
      [
        ['base', null],
        ['step-0', 'base'],
        ['step-1', 'base'],
      ],
    )
  })

  it('takes the files themselves, and leaves none behind', async () => {
    const folder = await adapter('a', 1)
    const earlier = leftovers()
    const local = await withFolder(folder)
    const sent = base64(folder)
    fs.rmSync(folder, { recursive: true })
    assert.equal((await load('sent', '/on/another/machine', sent)).status, 200)
    assert.deepEqual(await served.complete({ ...asked, model: 'sent', prompt: prompts }), local)
    assert.deepEqual(leftovers(), earlier)
  })

  it('refuses names that are taken, unknown or none, and more adapters than there may be', async () => {
    const folder = await adapter('a', 1)
    assert.equal((await load('a', folder)).status, 200)
    for (const name of ['a', 'base']) {
      const answer = await load(name, folder)
      assert.deepEqual([answer.status, messageOf(answer).includes('already been loaded')], [400, true])
    }
    for (const name of ['', 'x'.repeat(300)]) assert.equal((await load(name, folder)).status, 400)
    assert.equal((await unload('b')).status, 404)
    assert.equal((await unload('base')).status, 404)
    const at = await served.post('/v1/completions', { model: 'b', prompt: 'x' })
    assert.deepEqual([at.status, messageOf(at)], [404, 'The model `b` does not exist.'])
    const answers = await Promise.all(['b', 'c', 'd', 'e', '__proto__'].map((name) => load(name, folder)))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 200, 400, 400])
    assert.match(messageOf(answers.find(({ status }) => status === 400)!), /^4 adapters .*--max-loras/)
    assert.equal((await unload('a')).status, 200)
    assert.equal((await load('e', folder)).status, 200)
    assert.deepEqual(await namesOf(), ['base', 'b', 'c', 'd', 'e'])
  })

  it('finishes what uses an adapter before it is freed', async () => {
    const folder = await adapter('a', 1)
    const local = await withFolder(folder)
    const free = memoryInUse()
    await load('a', folder)
    const answers = [0, 1, 2].map(() => served.complete({ ...asked, model: 'a', prompt: prompts }))
    while (!/running 1$/m.test((await served.get('/metrics')).body as string)) await new Promise(setImmediate)
    assert.equal((await unload('a')).status, 200)
    assert.deepEqual(await namesOf(), ['base'])
    for (const answer of answers) assert.deepEqual(await answer, local)
    assert.equal((await served.post('/v1/completions', { model: 'a', prompt: 'x' })).status, 404)
    await load('b', folder)
    await unload('b')
    assert.deepEqual(memoryInUse(), free)
  })

  it('takes no memory for adapters that are gone', async () => {
    const folder = await adapter('a', 1)
    const cycle = async (name: string): Promise<void> => {
      await load(name, folder)
      await served.complete({ max_tokens: 2, model: name, prompt: prompts })
      await unload(name)
    }
    await cycle('first')
    const free = memoryInUse()
    for (let step = 0; step < 10; step++) await cycle(`step-${step}`)
    assert.deepEqual(memoryInUse(), free)
  })

  it('refuses folders that hold no adapter of the model', async () => {
    const folder = await adapter('a', 1)
    const changed = (name: string, change: (folder: string) => void): string => {
      fs.cpSync(folder, temporary(name), { recursive: true })
      change(temporary(name))
      return temporary(name)
    }
    const config = (fields: object) => (at: string) => {
      const file = path.join(at, files[0])
      fs.writeFileSync(file, JSON.stringify({ ...JSON.parse(fs.readFileSync(file, 'utf8')), ...fields }))
    }
    const cases: [string, number, RegExp][] = [
      [temporary('none'), 404, /sees no such folder/],
      ['relative/folder', 400, /absolute path/],
      [path.join(folder, files[0]), 404, /sees no such folder/],
      ['/\0', 404, /sees no such folder/],
      [`/${'x'.repeat(5000)}`, 404, /sees no such folder/],
      [os.tmpdir(), 400, /holds no file adapter_config\.json/],
      [
        changed('no tensors', (at) => {
          fs.rmSync(path.join(at, files[1]))
        }),
        400,
        /holds no file adapter_model/,
      ],
      [
        changed('cut', (at) => {
          fs.truncateSync(path.join(at, files[1]), 500)
        }),
        400,
        /adapter_model\.safetensors/,
      ],
      [
        changed('endless', (at) => {
          fs.truncateSync(path.join(at, files[0]), 2 ** 31)
        }),
        400,
        /longer than 1 MiB/,
      ],
      [
        changed('noise', (at) => {
          fs.writeFileSync(path.join(at, files[0]), '{"r": ')
        }),
        400,
        /not valid JSON/,
      ],
      [changed('rank', config({ r: 1e9 })), 400, /do not fit/],
      [changed('dora', config({ use_dora: true })), 400, /DoRA/],
      [changed('regex', config({ target_modules: '(\\w+\\.?)+!' })), 400, /regular expression|selects none/],
      [
        changed('device', (at) => {
          fs.rmSync(path.join(at, files[1]))
          fs.symlinkSync('/dev/zero', path.join(at, files[1]))
        }),
        400,
        /holds no file adapter_model/,
      ],
    ]
    for (const [at, status, message] of cases) {
      const answer = await load('x', at)
      assert.equal(answer.status, status, at)
      assert.match(messageOf(answer), message)
    }
    assert.deepEqual(await namesOf(), ['base'])
  })

  it('refuses files that are none of an adapter, and writes nothing anywhere else', async () => {
    const sent = base64(await adapter('a', 1))
    const earlier = leftovers()
    const [config, tensors] = files.map((name) => sent[name]!)
    const outside = `../${path.basename(temporary())}/outside`
    const cases: [Record<string, unknown>, RegExp][] = [
      [{}, /expected adapter_config\.json and/],
      [{ [files[0]]: config! }, /expected adapter_config\.json and/],
      [{ ...sent, [outside]: config! }, /and nothing else/],
      [{ [outside]: config!, [files[1]]: tensors! }, /and nothing else/],
      [{ [`./${files[0]}`]: config!, [files[1]]: tensors! }, /and nothing else/],
      [{ ...sent, [files[1]]: '*'.repeat(400) }, /expected base64/],
      [{ ...sent, [files[1]]: '' }, /expected base64/],
      [{ ...sent, [files[1]]: `${tensors!.slice(0, 400)}\n${tensors!.slice(400)}` }, /expected base64/],
      [{ ...sent, [files[1]]: config! }, /adapter_model\.safetensors/],
      [{ ...sent, [files[0]]: Buffer.alloc(2 ** 20 + 1, ' ').toString('base64') }, /longer than 1 MiB/],
      [{ ...sent, [files[0]]: 7 }, /expected a text/],
    ]
    for (const [given, message] of cases) {
      const answer = await served.post('/v1/load_lora_adapter', { lora_name: 'x', lora_path: '/x', files: given })
      assert.equal(answer.status, 400)
      assert.match(messageOf(answer), message)
      assert.ok(!messageOf(answer).includes(os.tmpdir()), messageOf(answer))
    }
    assert.ok(!fs.existsSync(temporary('outside')))
    assert.deepEqual(leftovers(), earlier)
    assert.deepEqual(await namesOf(), ['base'])
  })

  it('serves adapters that it is started with', async () => {
    const folder = await adapter('a', 1)
    const other = await serveForTest(model, { adapters: new Map([['mine', folder]]) })
    try {
      assert.deepEqual(await other.complete({ ...asked, model: 'mine', prompt: prompts }), await withFolder(folder))
    } finally {
      await other.service.stop(0)
    }
    await assert.rejects(serveForTest(model, { adapters: new Map([['mine', temporary('none')]]) }), /cannot be read/)
  })
})
