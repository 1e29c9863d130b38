import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { root } from './consumer.js'

/** What `npm pack` says of the package that it would make. */
interface Packed {
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}

/** Everything that is published; the rest of the repository makes it, tests it, or is for JupyterLab. */
const published = [
  /^(package\.json|CHANGELOG\.md|README\.md|LICENSE)$/,
  /^dist\/.+\.(js|d\.ts)$/,
  /^dist\/(kernels(-fma)?|quantizer)\.wasm$/,
  /^dist\/(report|review)\/page\.css$/,
  /^dist\/sandbox\/python\/\w+\.py$/,
  // What an export is made of.
  /^dist\/export\/(python|scripts|trl|verl|openrlhf)\/\w+\.(py|sh)$/,
  /^dist\/bundled\/LICENSES\.txt$/,
  /^docs\/(api\/)?[\w-]+\.md$/,
  /^recipes\/[\w.-]+\.yaml$/,
  /^checkpoints\/word-problems-2m\/(README\.md|pretrain\.yaml|model\.safetensors|[\w-]+\.json)$/,
]

describe('npm pack', () => {
  let packed: Packed
  before(() => {
    // What lies about in a working copy: none of it may be published.
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
    const args = ['pack', '--dry-run', '--json', '--ignore-scripts']
    const output = execFileSync(npm, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    packed = (JSON.parse(output) as [Packed])[0]
  })

  it('takes what is needed and nothing else', () => {
    const files = packed.files.map((file) => file.path)
    assert.deepEqual(
      files.filter((file) => !published.some((pattern) => pattern.test(file))),
      [],
    )
    for (const needed of [
      'dist/index.js',
      'dist/index.d.ts',
      'dist/parts.js',
      'dist/statistics.js',
      'dist/files.js',
      'dist/cli/main.js',
      'dist/kernels.wasm',
      'dist/quantizer.wasm',
      'dist/bundled/tfjs.js',
      'dist/report/page.js',
      'dist/export/python/grpo_ts_rewards.py',
      'dist/export/scripts/run.sh',
      'checkpoints/word-problems-2m/model.safetensors',
    ]) {
      assert.ok(files.includes(needed), needed)
    }
    assert.ok(files.some((file) => file.endsWith('.py')))
  })

  it('takes no compiled file whose source is gone', () => {
    const compiled = packed.files.map((file) => file.path).filter((file) => /^dist\/.+\.d\.ts$/.test(file))
    const orphans = compiled.filter((file) => {
      const source = path.join(root, 'src', file.slice('dist/'.length).replace(/\.d\.ts$/, '.ts'))
      return !fs.existsSync(source)
    })
    assert.deepEqual(orphans, [])
  })

  it('stays small', () => {
    assert.ok(packed.size < 6e6, `the tarball takes ${packed.size} bytes`)
    assert.ok(packed.unpackedSize < 12e6, `unpacked it takes ${packed.unpackedSize} bytes`)
  })

  it('depends on nothing that is heavy or needs another Node', () => {
    interface Manifest {
      readonly engines?: { readonly node?: string }
      readonly dependencies?: Readonly<Record<string, string>>
      readonly scripts?: Readonly<Record<string, string>>
    }
    const installed = new Map<string, Manifest>()
    const visit = (name: string, from: string): void => {
      let folder = from
      while (!fs.existsSync(path.join(folder, 'node_modules', name))) folder = path.dirname(folder)
      const place = path.join(folder, 'node_modules', name)
      if (installed.has(place)) return
      const manifest = JSON.parse(fs.readFileSync(path.join(place, 'package.json'), 'utf8')) as Manifest
      installed.set(place, manifest)
      for (const dependency of Object.keys(manifest.dependencies ?? {})) visit(dependency, place)
    }
    const own = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as Manifest
    for (const dependency of Object.keys(own.dependencies ?? {})) visit(dependency, root)
    assert.ok(installed.size < 40, `${installed.size} packages`)

    const sizeOf = (folder: string): number =>
      fs.readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
        const file = path.join(folder, entry.name)
        if (entry.isDirectory()) return sum + (entry.name === 'node_modules' ? 0 : sizeOf(file))
        return sum + fs.lstatSync(file).size
      }, 0)
    const total = [...installed.keys()].reduce((sum, folder) => sum + sizeOf(folder), packed.unpackedSize)
    // The goal was 120 MB; 30 were reached.
    assert.ok(total < 60e6, `an installation takes ${total} bytes`)

    for (const [folder, { engines, scripts }] of installed) {
      const lowest = /\d+(\.\d+)?/.exec(engines?.node ?? '0')?.[0]
      assert.ok(Number(lowest) <= 20.19, `${folder} needs Node ${engines?.node}`)
      const runs = ['preinstall', 'install', 'postinstall'].filter((name) => scripts?.[name])
      assert.deepEqual(runs, [], `${folder} runs scripts when it is installed`)
    }
  })
})
