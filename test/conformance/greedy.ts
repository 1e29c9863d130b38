import path from 'node:path'
import { generate, loadModel } from './api.js'
import type { CausalLM } from './api.js'
import { compareExactly, unsupported } from './compare.js'
import type { Row } from './compare.js'
import type { Part } from './referenceFiles.js'
import { expectSetting } from './options.js'
import { describing, readJson } from './referenceFiles.js'

interface GreedyReference {
  model: string
  min_top1_top2_margin?: number
  pad_id: number
  greedy: {
    max_new_tokens: number
    prompts: number[][]
    new_tokens: number[][]
    leftpad_new_tokens: number[][]
    eos_token_id?: number | null
    leftpad_input_ids?: number[][]
    leftpad_attention_mask?: number[][]
    min_top1_top2_margin?: number
    leftpad_min_margin?: number
    leftpad_equals_unpadded?: boolean[]
  }
  greedy_repetition_penalty?: {
    repetition_penalty: number
    new_tokens: number[][]
    leftpad_new_tokens: number[][]
    leftpad_equals_unpadded: boolean[]
    min_top1_top2_margin?: number
    leftpad_min_margin?: number
  }
  greedy_eos?: { eos_token_id: number; leftpad_new_tokens: number[][]; note?: string }
}

/** Greedy continuations, of each prompt by itself and of all together. */
export const greedy: Part = {
  name: 'greedy',
  matches: /^logits\/[^/]+\.json$/,
  async *run(file, context) {
    const reference = readJson(context, file) as GreedyReference
    describing(reference, 'min_top1_top2_margin')
    const model = await loadModel(path.join(context.root, reference.model))
    try {
      yield* continuations(model, reference)
    } finally {
      model.dispose()
    }
  },
}

async function* continuations(model: CausalLM, reference: GreedyReference): AsyncGenerator<Row> {
  const { greedy, greedy_repetition_penalty: penalized, greedy_eos: ended } = reference
  const padded = ['leftpad_input_ids', 'leftpad_attention_mask', 'leftpad_equals_unpadded'] as const
  describing(greedy, ...padded, 'min_top1_top2_margin', 'leftpad_min_margin')
  expectSetting('greedy.eos_token_id', greedy.eos_token_id, null)
  if (penalized) describing(penalized, 'min_top1_top2_margin', 'leftpad_min_margin')
  if (ended) describing(ended, 'note')
  const continueAll = async (
    prompts: number[][],
    options: { repetitionPenalty?: number; eosTokenIds?: number[] } = {},
  ): Promise<number[][]> => {
    const maxCompletionLength = greedy.max_new_tokens
    const completions = await generate(model, prompts, {
      temperature: 0,
      maxCompletionLength,
      eosTokenIds: [],
      ...options,
    })
    return completions.map(([completion]) => completion!.ids)
  }
  const continueEach = async (options: { repetitionPenalty?: number } = {}): Promise<number[][]> => {
    const tokens: number[][] = []
    for (const prompt of greedy.prompts) tokens.push(...(await continueAll([prompt], options)))
    return tokens
  }

  yield compareExactly('tokens, one by one', await continueEach(), greedy.new_tokens)
  yield compareExactly('tokens, as a batch', await continueAll(greedy.prompts), greedy.leftpad_new_tokens)

  if (penalized) {
    const options = { repetitionPenalty: penalized.repetition_penalty }
    yield compareExactly('repetition penalty, one by one', await continueEach(options), penalized.new_tokens)
    const comparable = penalized.leftpad_equals_unpadded
    const comparableOnly = (rows: number[][]): number[][] => rows.filter((_, row) => comparable[row])
    const batch = await continueAll(greedy.prompts, options)
    const expected = comparableOnly(penalized.leftpad_new_tokens)
    yield compareExactly('repetition penalty, as a batch', comparableOnly(batch), expected)
    if (comparable.includes(false)) {
      const reason = 'there the pad token counts as seen, and a batch of grpo-ts has no padding'
      yield unsupported('repetition penalty, padded rows that differ', reason)
    }
  }

  if (ended) {
    const completions = await continueAll(greedy.prompts, { eosTokenIds: [ended.eos_token_id] })
    const longest = Math.max(...completions.map((ids) => ids.length))
    const filled = completions.map((ids) => [...ids, ...new Array<number>(longest - ids.length).fill(reference.pad_id)])
    yield compareExactly('ended by an EOS token', filled, ended.leftpad_new_tokens)
  }
}
