import assert from 'node:assert/strict'
import { functionOfProgram } from '../../../src/xla/runtime/functionDef.js'

/** The fields of a protobuf message: numbers, and bytes of what is nested. */
function decode(bytes: Uint8Array): [field: number, value: number | Uint8Array][] {
  const fields: [number, number | Uint8Array][] = []
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const key = varint()
    const length = varint()
    if (key % 8 === 0) fields.push([key >> 3, length])
    else {
      assert.equal(key % 8, 2)
      fields.push([key >> 3, bytes.subarray(at, at + length)])
      at += length
    }
  }
  return fields
}

const text = (bytes: number | Uint8Array): string => Buffer.from(bytes as Uint8Array).toString()

describe('xla/runtime: the FunctionDef of a program', () => {
  it('has a node XlaCallModule with text, types and shapes, and has to be compiled', () => {
    const program = {
      name: 'some',
      text: `module @some { // ${'ä'.repeat(200)}\n}`,
      inputs: [
        { dtype: 'f32', shape: [2, 300] },
        { dtype: 'i32', shape: [] },
      ],
      outputs: [{ dtype: 'bf16', shape: [2, 300] }],
    } as const
    const fields = decode(functionOfProgram('some_1', program, 'CUDA'))
    const signature = decode(fields.find(([field]) => field === 1)![1] as Uint8Array)
    assert.equal(text(signature[0]![1]), 'some_1')
    const types = signature.slice(1).map(([field, value]) => [field, decode(value as Uint8Array)[1]![1]])
    assert.deepEqual(types, [
      [2, 1],
      [2, 3],
      [3, 14],
    ])

    const node = decode(fields.find(([field]) => field === 3)![1] as Uint8Array)
    assert.deepEqual(
      node.filter(([field]) => field < 4).map(([, value]) => text(value)),
      ['program', 'XlaCallModule', 'input0', 'input1'],
    )
    const attributes = new Map(
      node
        .filter(([field]) => field === 5)
        .map(([, entry]) => {
          const [[, key], [, value]] = decode(entry as Uint8Array) as [[number, Uint8Array], [number, Uint8Array]]
          return [text(key), decode(value)[0]!] as const
        }),
    )
    assert.equal(text(attributes.get('module')![1]), program.text)
    assert.equal(text(decode(attributes.get('platforms')![1] as Uint8Array)[0]![1]), 'CUDA')
    const [shape] = decode(attributes.get('Sout')![1] as Uint8Array)
    assert.deepEqual(
      decode(shape![1] as Uint8Array).map(([, size]) => decode(size as Uint8Array)),
      [[[1, 2]], [[1, 300]]],
    )
    const returned = decode(fields.find(([field]) => field === 4)![1] as Uint8Array)
    assert.deepEqual(
      returned.map(([, value]) => text(value)),
      ['output0', 'program:output:0'],
    )
    assert.ok(fields.some(([field, value]) => field === 5 && text(value).includes('_XlaMustCompile')))
  })
})
