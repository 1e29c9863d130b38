import { UnsupportedError } from '../errors.js'
import { downloadRepository } from './download.js'
import type { DownloadOptions, Snapshot } from './download.js'
import { parseRepository } from './repository.js'

/** What tokenizers and chat templates are made of, here and in other tools. */
export const tokenizerFileNames = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
] as const

const modelFileNames = ['config.json', 'generation_config.json', ...tokenizerFileNames]
const adapterFileNames = ['adapter_config.json', 'adapter_model.safetensors', ...tokenizerFileNames]

/**
 * Brings a model's or adapter's files from the Hub into the cache that Python's tools share: config, safetensors,
 * tokenizer, chat template, and nothing else. A transfer that broke, or was killed, goes on where it was.
 * @param id `owner/name` or `owner/name@revision`
 * @returns its folder, for `loadModel` or `withAdapter`, and the commit
 * @throws HubError for what the Hub refuses or the network does, UnsupportedError for a model without safetensors, GrpoError
 *   when the disk is full
 */
export async function downloadModel(id: string, options: DownloadOptions = {}): Promise<Snapshot> {
  const repository = parseRepository(id, 'model', options.revision)
  return downloadRepository(repository, (paths) => chooseModelFiles(paths, repository.id), options)
}

/** A model's config.json alone, as {@link downloadModel} brings it. */
export async function downloadConfig(id: string, options: DownloadOptions = {}): Promise<Snapshot> {
  const choose = (paths: readonly string[]): string[] => paths.filter((path) => path === 'config.json')
  return downloadRepository(parseRepository(id, 'model', options.revision), choose, options)
}

/** A model's tokenizer alone, as {@link downloadModel} brings it. */
export async function downloadTokenizer(id: string, options: DownloadOptions = {}): Promise<Snapshot> {
  const choose = (paths: readonly string[]): string[] => {
    return paths.filter((path) => tokenizerFileNames.some((name) => name === path))
  }
  return downloadRepository(parseRepository(id, 'model', options.revision), choose, options)
}

/** The needed files among those of a model's repository. */
function chooseModelFiles(paths: readonly string[], id: string): string[] {
  const has = (name: string): boolean => paths.includes(name)
  const isAdapter = has('adapter_config.json') && !has('config.json')
  const names: readonly string[] = isAdapter ? adapterFileNames : modelFileNames
  const weights = isAdapter ? paths.filter((name) => name === 'adapter_model.safetensors') : weightFiles(paths)
  if (weights.length === 0) {
    const others = paths.filter((name) => /\.(bin|pth?|gguf|onnx|h5|msgpack|safetensors)$/.test(name))
    throw new UnsupportedError(
      `${id} holds neither ${isAdapter ? 'adapter_model.safetensors' : 'model.safetensors nor its shards'}` +
        (others.length > 0 ? ` but ${others.slice(0, 4).join(', ')}` : '') +
        '; expected a model in safetensors (pickled weights run code when they are loaded): look for a converted copy, or ' +
        'convert it with transformers, save_pretrained(safe_serialization=True)',
    )
  }
  return paths.filter((path) => names.includes(path) || weights.includes(path) || isChatTemplate(path))
}

/** As transformers looks for them: the whole file, else the index with all its shards. */
function weightFiles(paths: readonly string[]): string[] {
  if (paths.includes('model.safetensors')) return ['model.safetensors']
  if (!paths.includes('model.safetensors.index.json')) return []
  const shards = paths.filter((path) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(path))
  const count = Number(/-of-(\d{5})\./.exec(shards[0] ?? '')?.[1] ?? 0)
  return count > 0 && shards.length === count ? ['model.safetensors.index.json', ...shards] : []
}

function isChatTemplate(path: string): boolean {
  return /^additional_chat_templates\/[^/]+\.jinja$/.test(path)
}
