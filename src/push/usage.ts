import type { TrainedRun } from './trainedRun.js'

/** The ranks that vLLM's --max-lora-rank takes. */
const vllmRanks = [1, 8, 16, 32, 64, 128, 256, 320, 512]

/** How to load an adapter of the Hub, in Markdown: transformers with PEFT, vLLM, llama.cpp and grpo-ts. */
export function usageText(
  { baseModel, baseWeights, adapterConfig }: TrainedRun,
  repository: string,
  hasTokenizer: boolean,
): string {
  const base = baseModel.id ?? `path/to/${baseModel.name}`
  const { revision } = baseModel
  const { dtype } = baseWeights
  const pinned = baseModel.isEmbedded ? baseModel.name : revision === null ? base : `${base}@${revision}`
  const pythonRevision = revision === null ? '' : `, revision="${revision}"`
  const rank = largestRank(adapterConfig)
  const name = repository.split('/')[1]!
  return `With transformers and PEFT:

\`\`\`python
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = AutoModelForCausalLM.from_pretrained("${base}"${pythonRevision}, dtype="auto")
model = PeftModel.from_pretrained(base, "${repository}")
tokenizer = AutoTokenizer.from_pretrained("${hasTokenizer ? repository : base}"${hasTokenizer ? '' : pythonRevision})
messages = [{"role": "user", "content": "Natalia sold 48 clips in April and half as many in May. How many altogether?"}]
inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
print(tokenizer.decode(model.generate(**inputs, max_new_tokens=512)[0]))
\`\`\`

With vLLM:

\`\`\`sh
vllm serve ${base}${revision === null ? '' : ` --revision ${revision}`} --enable-lora --max-lora-rank ${vllmRanks.find((one) => one >= rank) ?? rank} --lora-modules ${name}=${repository}
\`\`\`
${hasPatterns(adapterConfig) ? '\nvLLM ignores ranks and alphas per module, which this adapter has: merge it first, as below.\n' : ''}
With llama.cpp, merged and converted:

\`\`\`sh
npx grpo-ts merge --model ${pinned} --adapter ${repository} --output ${name}-merged
python convert_hf_to_gguf.py ${name}-merged --outfile ${name}.gguf
llama-cli -m ${name}.gguf
\`\`\`

With grpo-ts:

\`\`\`sh
npx grpo-ts generate --model ${pinned}${dtype === null ? '' : ` --dtype ${dtype}`} --adapter ${repository} --chat "What is 7 times 8?"
\`\`\`

\`\`\`ts
import { loadModel } from 'grpo-ts'
import { downloadModel } from 'grpo-ts/files'

const model = await loadModel('${pinned}'${dtype === null ? '' : `, { dtype: '${dtype}' }`})
const policy = model.withAdapter((await downloadModel('${repository}')).folder)
\`\`\``
}

function largestRank({ r, rank_pattern: pattern }: Readonly<Record<string, unknown>>): number {
  const others = Object.values((pattern ?? {}) as Record<string, number>)
  return Math.max(Number(r), ...others)
}

function hasPatterns({ rank_pattern: ranks, alpha_pattern: alphas }: Readonly<Record<string, unknown>>): boolean {
  return [ranks, alphas].some((pattern) => Object.keys(pattern ?? {}).length > 0)
}
