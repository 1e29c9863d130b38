import type { Command } from 'commander'
import { z } from 'zod'
import { ConfigError } from '../../errors.js'
import { engineOptions } from '../../engine/engineOptions.js'
import { resolveModel } from '../../hub/resolve.js'
import { dtypeOption } from '../../model/weights/dtypeOption.js'
import { option } from '../../options/schema.js'
import { serveCompletions } from '../../server/completions/serveCompletions.js'
import { withDownloadProgress } from '../terminal/downloadProgress.js'
import { interruptible } from '../terminal/interruptible.js'
import { modelOptions, nameOption, withModel } from '../terminal/modelOptions.js'
import { schemaFlags } from '../terminal/schemaFlags.js'
import type { Flags } from '../terminal/schemaFlags.js'
import { keepUp, readToken, requestLog, serviceOptions } from '../terminal/service.js'
import type { Streams } from '../terminal/streams.js'

const TOKEN_VARIABLE = 'GRPO_TS_SERVE_TOKEN'

const flags = schemaFlags({
  ...serviceOptions(8000, TOKEN_VARIABLE),
  servedModelName: nameOption
    .optional()
    .describe('What requests call the model. Defaults to the name that it is given by.'),
  adapter: z
    .array(z.string().refine((text) => /^[^=]+=./s.test(text), { error: 'expected NAME=FOLDER' }))
    .optional()
    .describe(
      "LoRA adapters in PEFT's layout, or their Hub ids, by the names that requests call them by: NAME=FOLDER. Defaults to none.",
    ),
  maxLoras: option(z.int().min(0), 8, 'Most adapters at a time, those that requests load included.'),
  maxNumSeqs: option(z.int().positive(), 256, 'Completions of waiting requests that are sampled together.'),
  dtype: dtypeOption,
  ...engineOptions,
})

/** The flags of `grpo-ts serve`. */
export type ServeOptions = ReturnType<typeof flags.parse>

export function addServeCommand(program: Command, streams: Streams): void {
  const command = program
    .command('serve')
    .summary('completions over HTTP')
    .description(
      "Serves a model by vLLM's protocol: /v1/models, /v1/completions with prompts as texts or token ids, /tokenize, " +
        '/v1/load_lora_adapter and /v1/unload_lora_adapter. Ctrl-C ends it when the requests that it works on are answered.',
    )
    .argument('<model>', modelOptions.model.description)
  flags.addTo(command)
  command.action((model: string, given: Flags) => serve(model, flags.parse('serve', given), streams))
}

async function serve(name: string, options: ServeOptions, streams: Streams): Promise<void> {
  const { host, port, tokenFile, servedModelName = name, maxLoras, maxNumSeqs } = options
  const token = readToken(tokenFile, TOKEN_VARIABLE)
  await interruptible(async (signal) => {
    const adapters = await adapterFolders(options.adapter ?? [], streams, signal)
    await withModel({ ...options, model: name, adapter: null, signal }, async (model) => {
      const service = await serveCompletions(model, {
        host,
        port,
        token,
        servedModelName,
        adapters,
        maxLoras,
        maxNumSeqs,
        onRequest: requestLog(streams.stderr),
      })
      const { info } = model.engine
      streams.stdout.write(
        `model    ${servedModelName}, ${model.weightFormat}, engine ${info.name}\nadapters ${[...adapters.keys()].join(', ') || 'none'}\n`,
      )
      await keepUp(service, signal, streams)
    })
  })
}

/** The folders of adapters by their names. Throws a ConfigError for a name that is given twice. */
async function adapterFolders(
  given: readonly string[],
  streams: Streams,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const folders = new Map<string, string>()
  for (const text of given) {
    const [name = '', ...rest] = text.split('=')
    if (folders.has(name)) throw new ConfigError(`--adapter: there are two of the name ${name}`)
    const { folder } = await withDownloadProgress(streams.stderr, (onProgress) =>
      resolveModel(rest.join('='), { onProgress, signal }),
    )
    folders.set(name, folder)
  }
  return folders
}
