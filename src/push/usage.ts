import type { TrainedRun } from './trainedRun.js'

/** The ranks that vLLM's --max-lora-rank takes. */
const vllmRanks = [1, 8, 16, 32, 64, 128, 256, 320, 512]

/** Formats that transformers, PEFT and vLLM do not load by the name of a model alone. */
const foreignMethods = ['grpo-ts', 'GGUF']

/** How to load an adapter of the Hub, in Markdown: transformers with PEFT, vLLM, llama.cpp and grpo-ts. */
export function usageText(run: TrainedRun, repository: string, hasTokenizer: boolean): string {
  const { id, revision, name, isEmbedded, original, method } = run.baseModel
  const folder: Place = { name: id ?? `path/to/${name}`, revision }
  // What others load the adapter on: where they cannot read these files, the model that they were made from.
  const made = original === null ? null : placeOf(original)
  const ours = isEmbedded ? { name, revision: null } : folder
  const others = foreignMethods.includes(method ?? '') ? made : folder
  // Nothing is merged into files that are quantised.
  const merged = method === null && original === null ? ours : made
  const note = others
    ? 'To merge the adapter, as llama.cpp needs it, take the model that they were made from.'
    : 'Transformers, vLLM and `grpo-ts merge`, as llama.cpp needs it, take the adapter with the model that they were made from.'
  const parts = [
    ...(others ? [pythonText(others, repository, hasTokenizer), vllmText(run, others, repository)] : []),
    merged ? llamaCppText(merged, repository) : `The files of the base model are quantised. ${note}`,
    ownText(run, ours, repository),
  ]
  return parts.join('\n\n')
}

/** A model on the Hub, or a folder. */
interface Place {
  readonly name: string
  readonly revision: string | null
}

function placeOf(text: string): Place {
  const [name = '', revision = null] = text.split('@')
  return { name, revision }
}

function pinned({ name, revision }: Place): string {
  return revision === null ? name : `${name}@${revision}`
}

function pythonText({ name, revision }: Place, repository: string, hasTokenizer: boolean): string {
  const pythonRevision = revision === null ? '' : `, revision="${revision}"`
  return `With transformers and PEFT:

\`\`\`python
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = AutoModelForCausalLM.from_pretrained("${name}"${pythonRevision}, dtype="auto")
model = PeftModel.from_pretrained(base, "${repository}")
tokenizer = AutoTokenizer.from_pretrained("${hasTokenizer ? repository : name}"${hasTokenizer ? '' : pythonRevision})
messages = [{"role": "user", "content": "Natalia sold 48 clips in April and half as many in May. How many altogether?"}]
inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
print(tokenizer.decode(model.generate(**inputs, max_new_tokens=512)[0]))
\`\`\``
}

function vllmText({ adapterConfig }: TrainedRun, { name, revision }: Place, repository: string): string {
  const rank = largestRank(adapterConfig)
  const text = `With vLLM:

\`\`\`sh
vllm serve ${name}${revision === null ? '' : ` --revision ${revision}`} --enable-lora --max-lora-rank ${vllmRanks.find((one) => one >= rank) ?? rank} --lora-modules ${repository.split('/')[1]!}=${repository}
\`\`\``
  return hasPatterns(adapterConfig)
    ? `${text}\n\nvLLM ignores ranks and alphas per module, which this adapter has: merge it first, as below.`
    : text
}

function llamaCppText(base: Place, repository: string): string {
  const name = repository.split('/')[1]!
  return `With llama.cpp, merged and converted:

\`\`\`sh
npx grpo-ts merge --model ${pinned(base)} --adapter ${repository} --output ${name}-merged
python convert_hf_to_gguf.py ${name}-merged --outfile ${name}.gguf
llama-cli -m ${name}.gguf
\`\`\``
}

function ownText({ baseWeights: { dtype } }: TrainedRun, base: Place, repository: string): string {
  return `With grpo-ts:

\`\`\`sh
npx grpo-ts generate --model ${pinned(base)}${dtype === null ? '' : ` --dtype ${dtype}`} --adapter ${repository} --chat "What is 7 times 8?"
\`\`\`

\`\`\`ts
import { loadModel } from 'grpo-ts'
import { downloadModel } from 'grpo-ts/files'

const model = await loadModel('${pinned(base)}'${dtype === null ? '' : `, { dtype: '${dtype}' }`})
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
