import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import fc from 'fast-check'
import { GrpoError } from '../../src/errors.js'
import { crc32c } from '../../src/io/crc32c.js'
import { TensorBoardWriter } from '../../src/io/tensorBoardWriter.js'
import { pythonWith } from '../python.js'
import { useTemporaryFolder } from './temporaryFolder.js'

const program = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0})
events.Reload()
print(json.dumps({tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()['scalars']}))
`

/** The records of an event file, their checksums checked. */
function readRecords(file: string): Buffer[] {
  const bytes = fs.readFileSync(file)
  const unmask = (masked: number): number => {
    const rotated = (masked - 0xa282ead8) >>> 0
    return ((rotated >>> 17) | (rotated << 15)) >>> 0
  }
  const records: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at))
    assert.equal(unmask(bytes.readUInt32LE(at + 8)), crc32c(bytes.subarray(at, at + 8)))
    const data = bytes.subarray(at + 12, at + 12 + length)
    assert.equal(unmask(bytes.readUInt32LE(at + 12 + length)), crc32c(data))
    records.push(data)
    at += 16 + length
  }
  return records
}

describe('io/tensorBoardWriter', () => {
  const inFolder = useTemporaryFolder()

  it('has the checksums of RFC 3720', () => {
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
    assert.equal(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43)
    assert.equal(crc32c(new Uint8Array(0)), 0)
  })

  it('writes the version, the start and a record for each step, with the bytes of protocol buffers', () => {
    const writer = new TensorBoardWriter(inFolder('logs'))
    writer.scalars(300, { 'train/reward': 0.5 })
    writer.scalars(301, { 'train/reward': 1, 'train/loss': -2 })
    writer.close()
    assert.match(writer.file, /logs\/events\.out\.tfevents\.\d{10}\.[^/]+$/)
    const records = readRecords(writer.file)
    assert.equal(records.length, 4)
    // After the time (tag 09 and eight bytes): step 300 is 10 ac 02.
    assert.equal(records[0]!.subarray(9).toString('hex'), `1a0d${Buffer.from('brain.Event:2').toString('hex')}`)
    assert.equal(records[1]!.subarray(9).toString('hex'), '10ac023a020801')
    const tag = `0a0c${Buffer.from('train/reward').toString('hex')}`
    assert.equal(records[2]!.subarray(9).toString('hex'), `10ac022a150a13${tag}150000003f`)
    assert.ok(Math.abs(records[3]!.readDoubleLE(1) - Date.now() / 1000) < 60)
  })

  it('gives writers of the same second files of their own, and refuses to write when closed', () => {
    const [one, two] = [new TensorBoardWriter(inFolder()), new TensorBoardWriter(inFolder())]
    assert.notEqual(one.file, two.file)
    one.close()
    two.close()
    one.close()
    assert.throws(() => {
      one.scalars(1, {})
    }, /was closed/)
    fs.writeFileSync(inFolder('file'), '')
    assert.throws(() => new TensorBoardWriter(inFolder('file', 'logs')), GrpoError)
  })

  it('is read by TensorBoard, and a resumed run is one curve', function () {
    const python = pythonWith(this, 'tensorboard')
    const float = fc.float({ noNaN: true, noDefaultInfinity: true })
    const values = fc.sample(fc.record({ 'train/reward': float, 'train/Länge': float }), { seed: 1, numRuns: 40 })
    const first = new TensorBoardWriter(inFolder('logs'))
    for (let step = 1; step <= 30; step++) first.scalars(step, { ...values[step - 1]!, 'train/only_before': step })
    first.close()
    // The process was killed in the middle of a record, at step 30; the last checkpoint is that of step 20.
    fs.appendFileSync(first.file, Buffer.from([1, 2, 3]))
    const second = new TensorBoardWriter(inFolder('logs'))
    for (let step = 21; step <= 40; step++) second.scalars(step, values[step - 1]!)
    second.close()
    const { status, stdout, stderr } = spawnSync(python, ['-c', program, inFolder('logs')], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    const read = JSON.parse(stdout) as Record<string, [number, number][]>
    assert.deepEqual(read, {
      'train/reward': values.map((value, i) => [i + 1, value['train/reward']]),
      'train/Länge': values.map((value, i) => [i + 1, value['train/Länge']]),
      'train/only_before': Array.from({ length: 20 }, (_, i) => [i + 1, i + 1]),
    })
  })
})
