import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { requirePython } from './lanes.js'

const FILE = path.resolve('src/sandbox/python/system_calls.py')
const ARCHITECTURES = { x86_64: 0xc000003e, aarch64: 0xc00000b7 }
/** Where a kernel's numbers stand, if its headers are installed. */
const HEADERS = {
  x86_64: ['/usr/include/x86_64-linux-gnu/asm/unistd_64.h', '/usr/include/asm/unistd_64.h'],
  aarch64: ['/usr/include/asm-generic/unistd.h'],
}
const [ALLOW, DENY, UNKNOWN, END] = [0x7fff0000, 0x50001, 0x50026, 0x80000000]

type Machine = keyof typeof ARCHITECTURES
type Instruction = readonly [code: number, yes: number, no: number, operand: number]

/** What a filter says of a call: an interpreter of the instructions of classic BPF that it uses. */
function verdictOf(
  code: readonly Instruction[],
  architecture: number,
  call: number,
  args: readonly bigint[] = [],
): number {
  const data = new DataView(new ArrayBuffer(64))
  data.setUint32(0, call, true)
  data.setUint32(4, architecture, true)
  args.forEach((value, i) => {
    data.setBigUint64(16 + 8 * i, value, true)
  })
  let accumulator = 0
  for (let at = 0; at < code.length; at++) {
    const [operation, yes, no, operand] = code[at]!
    if (operation === 0x06) return operand
    if (operation === 0x20) accumulator = data.getUint32(operand, true)
    else if (operation === 0x54) accumulator = (accumulator & operand) >>> 0
    else if (operation === 0x05) at += operand
    else if (operation === 0x15) at += accumulator === operand ? yes : no
    else if (operation === 0x35) at += accumulator >= operand ? yes : no
    else if (operation === 0x45) at += (accumulator & operand) !== 0 ? yes : no
    else throw new Error(`an unknown instruction ${operation}`)
  }
  throw new Error('the filter ends without a verdict')
}

function numbersOf(machine: Machine): Map<string, number> | null {
  const file = HEADERS[machine].find((name) => fs.existsSync(name))
  if (file === undefined) return null
  const text = fs.readFileSync(file, 'utf8')
  const numbers = new Map<string, number>()
  for (const [, name, number] of text.matchAll(/^#define __NR(?:3264)?_(\w+)\s+(\d+)/gm))
    numbers.set(name!, Number(number))
  for (const [, name, other] of text.matchAll(/^#define __NR_(\w+)\s+__NR3264_(\w+)/gm)) {
    if (!numbers.has(name!) && numbers.has(other!)) numbers.set(name!, numbers.get(other!)!)
  }
  return numbers
}

describe('the filter of system calls', () => {
  let tables: Record<string, Record<string, (number | null)[]>> = {}
  let filters: Record<string, readonly Instruction[]> = {}
  before(function () {
    requirePython(this)
    const script = `import sys, json; sys.path.insert(0, ${JSON.stringify(path.dirname(FILE))}); import system_calls as s
filters = {m + " " + str(w): s.filter_of(m, w) for m in s.MACHINES for w in (0, 1)}
conditional = {n: v[0] for n, v in {**s.CONDITIONAL, **s.READ_ONLY, "clone3": [s.CLONE3]}.items()}
print(json.dumps([filters, {"free": s.FREE, "conditional": conditional}]))`
    const { stdout, stderr } = spawnSync('python3', ['-I', '-B', '-c', script], { encoding: 'utf8' })
    assert.equal(stderr, '')
    ;[filters, tables] = JSON.parse(stdout) as [typeof filters, typeof tables]
  })

  for (const [column, machine] of (['x86_64', 'aarch64'] as const).entries()) {
    const decide = (call: number, args: readonly (number | bigint)[] = [], mayWrite = 1): number =>
      verdictOf(filters[`${machine} ${mayWrite}`]!, ARCHITECTURES[machine], call, args.map(BigInt))
    const numberOf = (name: string): number => (tables.free![name] ?? tables.conditional![name])![column]!

    it(`has the numbers of ${machine} right`, function () {
      const known = numbersOf(machine)
      if (known === null) {
        console.log("      skipped: the kernel's headers are not installed")
        this.skip()
      }
      for (const [name, numbers] of Object.entries({ ...tables.free, ...tables.conditional })) {
        assert.equal(numbers[column] ?? undefined, known.get(name), name)
      }
    })

    it(`lets through on ${machine} what is listed, and nothing else`, () => {
      const free = new Set(Object.values(tables.free!).map((numbers) => numbers[column]))
      const conditional = new Set(Object.values(tables.conditional!).map((numbers) => numbers[column]))
      for (let call = 0; call < 1200; call++) {
        if (conditional.has(call)) continue
        assert.equal(decide(call), free.has(call) ? ALLOW : call <= 450 ? DENY : UNKNOWN, String(call))
      }
      assert.equal(decide(0x4000_0000), END)
      assert.equal(decide(0xffff_ffff), END)
      const other = ARCHITECTURES[machine === 'x86_64' ? 'aarch64' : 'x86_64']
      for (const architecture of [other, 0x4000_0003, 0x4000_0028]) {
        assert.equal(verdictOf(filters[`${machine} 1`]!, architecture, numberOf('read')), END)
      }
    })

    it(`looks at arguments on ${machine}`, () => {
      const cases: [name: string, allowed: (number | bigint)[][], denied: (number | bigint)[][]][] = [
        ['prlimit64', [[0, 7, 0, 0]], [[1], [12345], [0xffff_ffff]]],
        ['sched_getaffinity', [[0]], [[1]]],
        // F_SETSIG, F_SETOWN, F_SETOWN_EX, leases, notices, locks, sizes of pipes, seals.
        ['fcntl', [0, 1, 2, 3, 1030].map((command) => [5, command, 0]), [5, 6, 7, 8, 10, 15, 1024, 1026, 1031, 1033].map((command) => [5, command, 0])],
        ['fcntl', [[5, 4, 0x800]], [[5, 4, 0x2000], [5, 4, 0x2800]]],
        // FIOSETOWN, SIOCSPGRP, FIOASYNC, TIOCSTI, TCSETS.
        ['ioctl', [[1, 0x5401], [1, 0x5421]], [0x8901, 0x8902, 0x5452, 0x5412, 0x5402].map((command) => [1, command])],
        ['prctl', [[15, 0], [16, 0]], [1, 4, 8, 22, 24, 36, 38, 47].map((option) => [option, 0])],
        ['clone', [[0x3d0f00]], [[17], [0x4111], [0x1001_0000], [0x2001_0000], [0x4001_0000]]],
        ['socketpair', [[1, 1], [1, 0x80801]], [[1, 2], [1, 5], [2, 1], [16, 3]]],
        ['sendto', [[3, 1, 1, 0, 0, 0]], [[3, 1, 1, 0, 1, 16], [3, 1, 1, 0, 0x1_0000_0000n, 16]]],
        ['mmap', [[0, 4096, 3, 0x22]], [[0, 4096, 3, 0x40022], [0, 4096, 3, 0x2022]]],
        ['madvise', [[0, 4096, 4]], [9, 12, 20, 21, 100].map((advice) => [0, 4096, advice])],
      ] // prettier-ignore
      for (const [name, allowed, denied] of cases) {
        for (const args of allowed) assert.equal(decide(numberOf(name), args), ALLOW, `${name} ${args.join()}`)
        for (const args of denied) assert.equal(decide(numberOf(name), args), DENY, `${name} ${args.join()}`)
      }
      assert.equal(decide(numberOf('clone3')), UNKNOWN)
      for (const [name, at] of [['open', 1], ['openat', 2]] as const) {
        if ((tables.conditional![name]![column] ?? null) === null) continue
        const opened = (flags: number, mayWrite: number): number =>
          decide(numberOf(name), [0, 0, 0].map((_, i) => (i === at ? flags : 0)), mayWrite)
        for (const flags of [0x1, 0x2, 0x40, 0x200, 0x400000, 0x80241]) {
          assert.deepEqual([opened(flags, 0), opened(flags, 1)], [DENY, ALLOW], `${name} ${flags}`)
        }
        assert.deepEqual([opened(0x80000, 0), opened(0x80000, 1)], [ALLOW, ALLOW])
      } // prettier-ignore
    })
  }
})
