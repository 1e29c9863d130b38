import path from 'node:path'
import { UnsupportedError } from '../errors.js'
import { quote } from '../io/json.js'
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
 * tokenizer, chat template, and nothing else; or one GGUF file. A transfer that broke, or was killed, goes on where it was.
 * @param id `owner/name` or `owner/name@revision`; for a GGUF file with its path behind it, or what its name ends with:
 *   `owner/name:Q4_K_M`
 * @returns its folder, for `loadModel` or `withAdapter`, or the path of the GGUF file, and the commit
 * @throws HubError for what the Hub refuses or the network does, UnsupportedError for a model without safetensors or without that GGUF
 *   file, GrpoError when the disk is full
 */
export async function downloadModel(id: string, options: DownloadOptions = {}): Promise<Snapshot> {
  const { repositoryId, gguf } = splitGgufId(id)
  const repository = parseRepository(repositoryId, 'model', options.revision)
  if (gguf === null) {
    return downloadRepository(repository, (paths) => chooseModelFiles(paths, repository.id), options)
  }
  let file = ''
  const choose = (paths: readonly string[]): string[] => {
    file = chooseGgufFile(paths, gguf, repository.id)
    return [file]
  }
  const snapshot = await downloadRepository(repository, choose, options)
  return { ...snapshot, folder: path.join(snapshot.folder, ...file.split('/')), file }
}

/** The repository and the GGUF file that `owner/name:FILE.gguf` or `owner/name:Q4_K_M` names; null for no single file. */
export function splitGgufId(id: string): { repositoryId: string; gguf: string | null } {
  const [, repositoryId = id, gguf = null] = /^([^:]+):([^:]+)$/.exec(id) ?? []
  return { repositoryId, gguf }
}

function chooseGgufFile(paths: readonly string[], wanted: string, id: string): string {
  const files = paths.filter((name) => name.endsWith('.gguf'))
  const ending = `${wanted.toLowerCase()}.gguf`
  const isWanted = (name: string): boolean =>
    `/${name.toLowerCase()}`.endsWith(ending) && '/-._'.includes(`/${name}`.at(-ending.length - 1)!)
  const found = files.includes(wanted) ? [wanted] : files.filter(isWanted)
  if (found.length === 1) return found[0]!
  const listed = found.length > 1 ? found : files
  throw new UnsupportedError(
    `${id} holds ${found.length === 0 ? 'no GGUF file' : 'several GGUF files'} that ${quote(wanted)} names; expected a file or what it ` +
      `is quantised to, as in ${id}:Q4_K_M; ` +
      (listed.length === 0
        ? 'it holds no GGUF file'
        : `it holds ${listed.slice(0, 12).join(', ')}${listed.length > 12 ? ', …' : ''}`),
  )
}

/** A model's config.json alone, as {@link downloadModel} brings it. */
export async function downloadConfig(id: string, options: DownloadOptions = {}): Promise<Snapshot> {
  const choose = (paths: readonly string[]): string[] => paths.filter((path) => path === 'config.json')
  return downloadRepository(parseRepository(id, 'model', options.revision), choose, options)
}

/** A model's tokenizer alone, as {@link downloadModel} brings it, with generation_config.json, which names the tokens that end a text. */
export async function downloadTokenizer(id: string, options: DownloadOptions = {}): Promise<Snapshot> {
  const choose = (paths: readonly string[]): string[] => {
    return paths.filter((file) => ['generation_config.json', ...tokenizerFileNames].includes(file))
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
        (others.some((name) => name.endsWith('.gguf'))
          ? `; name one of its GGUF files, as in ${id}:Q4_K_M or ${id}:FILE.gguf`
          : '; expected a model in safetensors (pickled weights run code when they are loaded): look for a converted copy, or ' +
            'convert it with transformers, save_pretrained(safe_serialization=True)'),
    )
  }
  return paths.filter((file) => names.includes(file) || weights.includes(file) || isChatTemplate(file))
}

/** As transformers looks for them: the whole file, else the index with all its shards. */
function weightFiles(paths: readonly string[]): string[] {
  if (paths.includes('model.safetensors')) return ['model.safetensors']
  if (!paths.includes('model.safetensors.index.json')) return []
  const shards = paths.filter((file) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(file))
  const count = Number(/-of-(\d{5})\./.exec(shards[0] ?? '')?.[1] ?? 0)
  return count > 0 && shards.length === count ? ['model.safetensors.index.json', ...shards] : []
}

function isChatTemplate(file: string): boolean {
  return /^additional_chat_templates\/[^/]+\.jinja$/.test(file)
}
