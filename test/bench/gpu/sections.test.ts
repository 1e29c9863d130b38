import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { planSections } from '../../../bench/gpu/sections.js'
import type { SectionPlan } from '../../../bench/gpu/sections.js'

describe('the parts of bench:gpu', () => {
  let scratch: string
  before(() => {
    scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-gpu-'))
  })
  after(() => {
    fs.rmSync(scratch, { recursive: true })
  })

  function plan(changes: Partial<SectionPlan>): ReturnType<typeof planSections> {
    const choice = { engine: 'cpu', threads: 2, device: 'auto', precision: 'auto' } as const
    const nothing = { python: 'no-such-python', wheels: null, smolLM2: null, golden: null, quick: true }
    return planSections({ choice, ...nothing, scratch, ...changes })
  }

  it('are skipped where something is missing, with the reason', () => {
    const skipped = [...plan({})].flatMap((section) => ('why' in section ? [[section.name, section.why]] : []))
    assert.deepEqual(skipped, [
      ['setup', 'the engine cpu needs none'],
      ['agreement with the cpu engine', 'it is the cpu engine'],
      [
        'PyTorch with tiny',
        'no-such-python cannot import torch, transformers, peft, trl, datasets; name one that can with --python',
      ],
      ['golden numbers', '../shared/golden is not here'],
    ])
  })

  it('take the engine that was asked for', () => {
    const golden = path.join(scratch, 'golden')
    const choice = { engine: 'xla', device: 'cpu', precision: 'float32' } as const
    const commands = new Map<string, string>()
    for (const section of plan({ choice, golden, wheels: '/wheels' })) {
      if ('command' in section) commands.set(section.name, section.command.slice(1).join(' '))
    }
    const flags = '--engine xla --device cpu --precision float32'
    assert.match(commands.get('selftest')!, new RegExp(`selftest ${flags}$`))
    assert.match(commands.get('golden numbers')!, new RegExp(`${golden} --only logits --only lora ${flags}$`))
    assert.match(commands.get('learning')!, new RegExp(`${flags}$`))
    for (const name of ['agreement with the cpu engine', 'speed of tiny']) {
      const job = JSON.parse(/{.*}$/.exec(commands.get(name)!)![0]) as { choice: unknown; folder: string }
      assert.deepEqual(job.choice, choice)
      assert.ok(fs.existsSync(path.join(job.folder, 'model.safetensors')))
    }
  })
})
