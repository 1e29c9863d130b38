import { GrpoError } from '../../../errors.js'
import { modelsResponseSchema } from './protocol.js'
import type { Asking, ServedModel } from './serverProtocol.js'

/** What `owned_by` says of `grpo-ts serve`. */
const OUR_SERVER = 'grpo-ts'

/** What a server says that it serves: the base model of that name, or the only one. Throws a GrpoError that lists what there is. */
export async function askServedModel(
  { connection, ...asking }: Asking,
  wanted: string | undefined,
): Promise<ServedModel> {
  const answer = await connection.ask('/v1/models', { ...asking, maxBytes: 2 ** 22 })
  const result = modelsResponseSchema.safeParse(answer)
  if (!result.success) {
    throw new GrpoError(
      `${connection.url}/v1/models does not answer with a list of models; is it a server of vLLM, SGLang or grpo-ts?`,
    )
  }
  const { data } = result.data
  const bases = data.filter(({ parent }) => parent == null)
  const listed = connection.shown(bases.map(({ id }) => id).join(', ')) || 'nothing'
  const base = wanted === undefined ? bases[0] : bases.find(({ id }) => id === wanted)
  if (!base) {
    const what = wanted === undefined ? 'no model' : `no model named ${wanted}`
    throw new GrpoError(`${connection.url} serves ${what}; it serves ${listed}`)
  }
  // One model may have several names.
  if (wanted === undefined && bases.some(({ root }) => root !== base.root)) {
    throw new GrpoError(`${connection.url} serves several models (${listed}); say which one by model`)
  }
  return {
    name: base.id,
    maxLength: base.max_model_len ?? null,
    isOurs: base.owned_by === OUR_SERVER,
    adapters: data.filter(({ parent }) => parent != null).map(({ id }) => id),
  }
}
