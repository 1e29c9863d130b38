import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { GrpoError } from '../../src/errors.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { FIXTURE } from './fixture.js'

const odd = [null, -1, 1.5, '', [], {}, [null], true, 'ByteLevel', '(', { Regex: '(' }]

/** Where something stands in a JSON value, the first entries of large parts only. */
function places(value: unknown, place: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [place]
  const entries = Object.entries(value).slice(0, Array.isArray(value) ? 2 : 20)
  return [place, ...entries.flatMap(([key, entry]) => places(entry, [...place, key]))]
}

function changed(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<string, unknown>
  copy[key] = changed(copy[key], rest, to)
  return copy
}

describe('tokenizer files with a field of another kind', () => {
  const inFolder = useTemporaryFolder()

  for (const [source, name] of [
    [FIXTURE.byteLevel, 'tokenizer.json'],
    [FIXTURE.llama2, 'tokenizer.json'],
    [FIXTURE.byteLevel, 'tokenizer_config.json'],
  ] as const) {
    it(`${path.basename(source)}/${name}: work or are refused by name`, () => {
      for (const file of fs.readdirSync(source)) {
        if (/\.(json|jinja)$/.test(file)) fs.copyFileSync(path.join(source, file), inFolder(file))
      }
      const original: unknown = JSON.parse(fs.readFileSync(path.join(source, name), 'utf8'))
      let refused = 0
      for (const place of places(original)) {
        for (const value of odd) {
          fs.writeFileSync(inFolder(name), JSON.stringify(changed(original, place, value)))
          try {
            const tokenizer = Tokenizer.load(inFolder())
            tokenizer.decode(tokenizer.encode('Hello 12 <|im_end|>', { addSpecialTokens: true }))
          } catch (error) {
            assert.ok(error instanceof GrpoError, `${place.join('.')}: ${String(error)}`)
            refused++
          }
        }
      }
      assert.ok(refused > 10, String(refused))
    })
  }
})
