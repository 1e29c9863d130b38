import type { FakeHub } from './fakeHub.js'

const names = [
  'HF_ENDPOINT',
  'HF_HOME',
  'HF_HUB_CACHE',
  'HF_TOKEN',
  'HF_TOKEN_PATH',
  'HF_HUB_OFFLINE',
  'TRANSFORMERS_OFFLINE',
  'HUGGING_FACE_HUB_TOKEN',
  'HUGGINGFACE_HUB_CACHE',
] as const

/** Lets this process take the fake Hub for the real one, with an empty home folder and no token; call the result to undo it. */
export function pointTo(hub: FakeHub, home: string): () => void {
  const before = names.map((name) => [name, process.env[name]] as const)
  for (const name of names) Reflect.deleteProperty(process.env, name)
  process.env.HF_ENDPOINT = hub.url
  process.env.HF_HOME = home
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = value
    }
  }
}
