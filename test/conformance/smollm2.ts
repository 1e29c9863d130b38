import { generate, loadModel, scoreTokens } from './api.js'
import type { CausalLM, ChatMessage } from './api.js'
import { absolute, compareExactly, compareLogits, compareNumbers, unsupported } from './compare.js'
import type { Row } from './compare.js'
import type { Part } from './referenceFiles.js'
import { describing, openTensors, readJson } from './referenceFiles.js'
import type { ReferenceTensors } from './referenceTensors.js'
import { logitsOf } from './sequences.js'

interface SmolLM2Reference {
  model?: string
  continuation_tokens?: number
  greedy_tokens?: number
  prompts: {
    messages: ChatMessage[]
    text: string
    prompt_ids: number[]
    continuation_ids: number[]
    greedy_ids: number[]
    greedy_text: string
    greedy_min_margin?: number
    greedy_margins?: number[]
    continuation_text?: string
    mean_logprob?: number
  }[]
  tokenizer: { text: string; ids: number[] }[]
}

/** A real model: SmolLM2-135M-Instruct. */
export const smollm2: Part = {
  name: 'smollm2',
  matches: /^golden\.json$/,
  alsoReads: /^golden\.safetensors$/,
  async *run(file, context) {
    const reference = readJson(context, file) as SmolLM2Reference
    describing(reference, 'model', 'continuation_tokens', 'greedy_tokens')
    for (const prompt of reference.prompts)
      describing(prompt, 'greedy_min_margin', 'greedy_margins', 'continuation_text')
    const model = await loadModel(context.modelFolder())
    const tensors = openTensors(context, 'golden.safetensors')
    try {
      yield* text(model, reference)
      yield* numbers(model, reference, tensors)
    } finally {
      tensors.close()
      model.dispose()
    }
  },
}

function* text({ tokenizer }: CausalLM, { prompts, tokenizer: texts }: SmolLM2Reference): Generator<Row> {
  if (!tokenizer) {
    yield unsupported('tokenizer', 'the model folder has no tokenizer.json')
    return
  }
  yield compareExactly(
    'encode: ids',
    texts.map((entry) => tokenizer.encode(entry.text)),
    texts.map((entry) => entry.ids),
  )
  yield compareExactly(
    'chat: text',
    prompts.map((prompt) => tokenizer.applyChatTemplate(prompt.messages)),
    prompts.map((prompt) => prompt.text),
  )
  yield compareExactly(
    'chat: ids',
    prompts.map((prompt) => tokenizer.encodeChat(prompt.messages)),
    prompts.map((prompt) => prompt.prompt_ids),
  )
  yield compareExactly(
    'decode',
    prompts.map((prompt) => tokenizer.decode(prompt.greedy_ids)),
    prompts.map((prompt) => prompt.greedy_text),
  )
}

async function* numbers(
  model: CausalLM,
  { prompts }: SmolLM2Reference,
  tensors: ReferenceTensors,
): AsyncGenerator<Row> {
  for (const [
    index,
    { prompt_ids: promptIds, continuation_ids: continuationIds, mean_logprob: expectedMean },
  ] of prompts.entries()) {
    const prefix = `prompt${index}`
    const vocabulary = model.config.vocabularySize
    const last = (await logitsOf(model, [promptIds]))?.slice(-vocabulary) ?? null
    yield compareLogits(`${prefix} logits`, last, tensors.readFloat32(`${prefix}.last_logits`), absolute(2e-3))
    const [scores] = await scoreTokens(model, [
      { inputIds: [...promptIds, ...continuationIds], promptLength: promptIds.length },
    ])
    const { logProbs, entropies } = scores!
    const mean = logProbs.reduce((sum, logProb) => sum + logProb, 0) / logProbs.length
    if (expectedMean !== undefined)
      yield compareNumbers(`${prefix} mean log-prob`, [mean], [expectedMean], absolute(1e-3))
    yield compareNumbers(`${prefix} log-probs`, logProbs, tensors.readFloat32(`${prefix}.logprobs`), absolute(1e-3))
    yield compareNumbers(`${prefix} entropies`, entropies, tensors.readFloat32(`${prefix}.entropy`), absolute(1e-3))
  }
  const completions = await generate(
    model,
    prompts.map((prompt) => prompt.prompt_ids),
    { temperature: 0, maxCompletionLength: prompts[0]!.greedy_ids.length, eosTokenIds: [] },
  )
  yield compareExactly(
    'greedy tokens',
    completions.map(([completion]) => completion!.ids),
    prompts.map((prompt) => prompt.greedy_ids),
  )
}
