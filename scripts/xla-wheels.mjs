// usage: node scripts/xla-wheels.mjs   writes src/xla/setup/pinnedWheels.ts: for each plugin of XLA its wheels, as pypi.org describes them
// now, in the newest versions that the ranges below allow. Only the zip files' directories are read. What is new has to be tried then.
import fs from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import prettier from 'prettier'
import yauzl from 'yauzl'
import { isNeeded } from '../dist/xla/setup/wheels.js'

const INDEX = 'https://pypi.org/simple'
const ARCHITECTURES = { x86_64: 'x64', aarch64: 'arm64' }
/** Python's tags of wheels that are for every Python, or as good as. */
const TAGS = ['py3-none', 'cp312-cp312']

/** Packages with the version, or with the one that it must be below. For CUDA: the extra with-cuda of jax-cuda*-plugin 0.12.0.1. */
const SETS = {
  cuda13: {
    'jax-cuda13-pjrt': '0.12.0.1',
    'nvidia-cublas': '<14',
    'nvidia-cuda-cupti': '<14',
    'nvidia-cuda-nvcc': '<14',
    'nvidia-cuda-runtime': '<14',
    'nvidia-cudnn-cu13': '<10',
    'nvidia-cufft': '<13',
    'nvidia-cusolver': '<13',
    'nvidia-cusparse': '<13',
    'nvidia-nccl-cu13': '<3',
    'nvidia-nvjitlink': '<14',
    'nvidia-cuda-nvrtc': '<14',
    'nvidia-nvshmem-cu13': '<4',
    'nvidia-nvvm': '<14',
  },
  cuda12: {
    'jax-cuda12-pjrt': '0.12.0.1',
    'nvidia-cublas-cu12': '<13',
    'nvidia-cuda-cupti-cu12': '<13',
    'nvidia-cuda-nvcc-cu12': '<13',
    'nvidia-cuda-runtime-cu12': '<13',
    'nvidia-cudnn-cu12': '<10',
    'nvidia-cufft-cu12': '<12',
    'nvidia-cusolver-cu12': '<12',
    'nvidia-cusparse-cu12': '<13',
    'nvidia-nccl-cu12': '<3',
    'nvidia-nvjitlink-cu12': '<13',
    'nvidia-cuda-nvrtc-cu12': '<13',
    'nvidia-nvshmem-cu12': '<4',
  },
  rocm: { 'jax-rocm7-pjrt': '0.12.0' },
  tpu: { libtpu: '0.0.52' },
  cpu: { 'lammps-jax-pjrt-cpu': '0.11.2' },
  secondCpu: { 'xla-cpu-pjrt': '0.0.1' },
}

/** The files of a package, each with its version and processor, in the newest version of the range. */
async function filesOf(name, range) {
  const headers = { Accept: 'application/vnd.pypi.simple.v1+json' }
  const response = await fetch(`${INDEX}/${name}/`, { headers })
  if (!response.ok) throw new Error(`${name}: ${INDEX} answers ${response.status}`)
  const wheels = (await response.json()).files.flatMap((file) => {
    const match = /^[^-]+-([\d.]+)-(\w+-\w+)-manylinux\S*_(x86_64|aarch64)\.whl$/.exec(file.filename)
    if (!match || file.yanked || !TAGS.includes(match[2])) return []
    return [{ ...file, version: match[1], architecture: ARCHITECTURES[match[3]] }]
  })
  const fits = ({ version }) => (range.startsWith('<') ? compare(version, range.slice(1)) < 0 : version === range)
  const newest = wheels.filter(fits).sort((a, b) => compare(b.version, a.version))[0]
  if (!newest) throw new Error(`${name}: no wheel of version ${range}`)
  return wheels.filter(({ version }) => version === newest.version)
}

function compare(a, b) {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number))
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** Reads parts of a file on a server. */
class RangeReader extends yauzl.RandomAccessReader {
  constructor(url) {
    super()
    this.url = url
  }

  _readStreamForRange(start, end) {
    const bytes = fetch(this.url, { headers: { Range: `bytes=${start}-${end - 1}` } }).then(async (response) => {
      if (response.status !== 206) throw new Error(`${this.url} answers ${response.status}; expected 206`)
      return Buffer.from(await response.arrayBuffer())
    })
    return Readable.from(
      (async function* () {
        yield await bytes
      })(),
    )
  }
}

/** Bytes of the files of a wheel that are needed. */
async function unpackedBytes({ url, size }) {
  const zip = await yauzl.fromRandomAccessReaderPromise(new RangeReader(url), size, { autoClose: false })
  let bytes = 0
  for await (const entry of zip.eachEntry()) if (isNeeded(entry.fileName)) bytes += entry.uncompressedSize
  return bytes
}

const sets = []
for (const [set, packages] of Object.entries(SETS)) {
  const lines = { x64: [], arm64: [] }
  for (const [name, range] of Object.entries(packages)) {
    for (const file of await filesOf(name, range)) {
      const { filename, size, hashes, architecture } = file
      lines[architecture].push(`wheel('${filename}', ${size}, ${await unpackedBytes(file)}, '${hashes.sha256}'),`)
      console.error(`${set} ${architecture} ${filename} ${size}`)
    }
  }
  const architectures = Object.entries(lines).filter(([, wheels]) => wheels.length > 0)
  sets.push(`${set}: { ${architectures.map(([name, wheels]) => `${name}: [${wheels.join('\n')}],`).join('\n')} },`)
}
const text = `/**
 * The wheels of the plugins, as the package index described them when they were tried; written by scripts/xla-wheels.mjs. NVIDIA's are
 * those that the extra \`with-cuda\` of jax-cuda12-plugin and jax-cuda13-plugin 0.12.0.1 asks for.
 */
import type { Wheel } from './wheels.js'

/** A wheel in one line. */
function wheel(file: string, bytes: number, unpackedBytes: number, sha256: string): Wheel {
  return { file, bytes, unpackedBytes, sha256 }
}

export const pinnedWheels = {
  ${sets.join('\n')}
} as const satisfies Readonly<Record<string, Readonly<Partial<Record<NodeJS.Architecture, readonly Wheel[]>>>>>
`
const file = path.resolve(import.meta.dirname, '../src/xla/setup/pinnedWheels.ts')
fs.writeFileSync(file, await prettier.format(text, { ...(await prettier.resolveConfig(file)), filepath: file }))
