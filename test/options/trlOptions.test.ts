import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { grpoOptions } from '../../src/grpo/config/config.js'
import { describeUnknownOption } from '../../src/options/names.js'
import { trlOptionNote, trlOptionNotes } from '../../src/options/trlOptions.js'

describe('options/trlOptions', () => {
  it('says of each option of TRL that is left out what docs/trl.md says', () => {
    const page = fs.readFileSync(path.resolve(import.meta.dirname, '../../docs/trl.md'), 'utf8')
    const leftOut = [...page.matchAll(/^\| `(\w+)` \| left out \| (.+?) +\|$/gm)]
    assert.ok(leftOut.length > 100)
    for (const [, name, reason] of leftOut) assert.equal(trlOptionNote(name!), reason, name)
  })

  it('knows no option that there is here', () => {
    for (const { name, trlName } of grpoOptions()) assert.equal(trlOptionNote(trlName), null, name)
  })

  it('is what an unknown name is answered with', () => {
    const known = ['doEval', 'useBiasCorrectionKl', 'loraAlpha']
    assert.match(
      describeUnknownOption('use_vllm', known),
      /^use_vllm is an option of TRL that is none here: `rollout` names servers of vLLM/,
    )
    assert.match(describeUnknownOption('load_in_4bit', known), /`dtype: int4` or `int8` keeps the frozen weights in 4/)
    assert.match(describeUnknownOption('useVllm', known), /^useVllm is an option of TRL/)
    for (const name of trlOptionNotes.keys()) assert.doesNotMatch(describeUnknownOption(name, known), /did you mean/)
    assert.equal(describeUnknownOption('lora_alpa', known), 'unknown option lora_alpa; did you mean lora_alpha?')
  })
})
