import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../../src/errors.js'
import { readScalars } from '../../src/io/tensorBoardReader.js'
import { TensorBoardWriter } from '../../src/io/tensorBoardWriter.js'
import { useTemporaryFolder } from './temporaryFolder.js'

describe('readScalars', () => {
  const inFolder = useTemporaryFolder()
  const write = (): string => {
    const writer = new TensorBoardWriter(inFolder('events'))
    writer.scalars(1, { 'train/loss': 0.5, 'train/lr': 2 ** -20 })
    writer.scalars(2 ** 40, { 'train/loss': NaN, __proto__x: -Infinity })
    writer.close()
    return writer.file
  }
  const all = [
    { step: 1, tag: 'train/loss', value: 0.5 },
    { step: 1, tag: 'train/lr', value: 2 ** -20 },
    { step: 2 ** 40, tag: 'train/loss', value: NaN },
    { step: 2 ** 40, tag: '__proto__x', value: -Infinity },
  ]

  it('reads what our writer wrote', () => {
    assert.deepEqual([...readScalars(write())], all)
  })

  it("reads what PyTorch's SummaryWriter wrote", () => {
    const folder = path.resolve(import.meta.dirname, '../fixtures/import/verl/tensorboard')
    const scalars = [...readScalars(path.join(folder, fs.readdirSync(folder)[0]!))]
    assert.deepEqual([...new Set(scalars.map(({ step }) => step))], [1, 2, 3, 4])
    assert.deepEqual(
      scalars.filter(({ tag }) => tag === 'actor/entropy').map(({ value }) => value.toFixed(3)),
      ['0.500', '0.250', '0.167', '0.125'],
    )
  })

  it('ends at a record that is cut, wherever', () => {
    const file = write()
    const whole = fs.readFileSync(file)
    for (let length = 0; length < whole.length; length++) {
      fs.writeFileSync(file, whole.subarray(0, length))
      const read = [...readScalars(file)]
      assert.deepEqual(read, all.slice(0, read.length))
    }
  })

  it('refuses bytes that were changed, wherever, and other files', () => {
    const file = write()
    const whole = fs.readFileSync(file)
    for (let i = 0; i < whole.length; i++) {
      const bytes = Buffer.from(whole)
      bytes[i]! ^= 1 << (i % 8)
      fs.writeFileSync(file, bytes)
      assert.throws(() => [...readScalars(file)], FileFormatError, `byte ${i}`)
    }
    fs.writeFileSync(file, 'not an event file, but a text of some length')
    assert.throws(() => [...readScalars(file)], /is no event file of TensorBoard/)
  })
})
