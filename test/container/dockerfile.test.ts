import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parse } from 'yaml'
import { buildContext } from './buildContext.js'
import { jsonStrings, readDockerfile } from './dockerfile.js'
import type { Instruction } from './dockerfile.js'

const repository = path.resolve(import.meta.dirname, '../..')
const read = (name: string): string => fs.readFileSync(path.join(repository, name), 'utf8')

describe('the Dockerfile', () => {
  const stages = readDockerfile(read('Dockerfile'))
  const targets = stages.filter(({ name }) => name === 'cpu' || name === 'cuda')
  const context = buildContext(repository)
  const all = (keyword: string): Instruction[] =>
    stages.flatMap(({ instructions }) => instructions.filter((instruction) => instruction.keyword === keyword))

  it('has the targets cpu, which is the default, and cuda', () => {
    assert.deepEqual(
      stages.map(({ name, from }) => [name, from.split(':')[0]]),
      [
        ['packages', 'node'],
        ['build', 'packages'],
        ['xla', 'packages'],
        ['system', 'node'],
        ['cuda', 'system'],
        ['cpu', 'system'],
      ],
    )
    const names = new Set(stages.map(({ name }) => name))
    for (const { from } of stages.filter(({ from }) => !names.has(from))) assert.match(from, /:\d+[\w.-]*$/)
  })

  it('ends both targets in the same way: not as root, JupyterLab by default, with a health check', () => {
    const ends = targets.map(({ instructions }) => {
      const start = instructions.findIndex(({ text }) => text.includes('links.sh'))
      return instructions.slice(start).map(({ keyword, text }) => `${keyword} ${text}`)
    })
    assert.deepEqual(ends[0], ends[1])
    for (const { instructions } of targets) {
      const last = (keyword: string): string => instructions.findLast((one) => one.keyword === keyword)!.text
      assert.equal(last('USER'), '1000:1000')
      assert.deepEqual(jsonStrings(last('CMD')), ['lab'])
      assert.match(jsonStrings(last('HEALTHCHECK'))[1]!, /health\.mjs$/)
      assert.equal(last('VOLUME'), '/work')
    }
  })

  it('copies only what the context holds, in layers of packages and of sources', () => {
    for (const { words, flags } of all('COPY')) {
      if (flags.from !== undefined) {
        assert.ok(stages.some(({ name }) => name === flags.from))
        continue
      }
      for (const source of words.slice(0, -1)) assert.ok(source === '.' || context.includes(source), source)
    }
    for (const { instructions } of targets) {
      const position = (text: string): number =>
        instructions.findIndex((one) => `${one.keyword} ${one.text}`.includes(text))
      assert.ok(position('/node_modules /opt') < position('COPY . /opt'))
    }
  })

  it('fetches the plugin for CUDA by few files, so that other changes leave its layer, and asks for the driver', () => {
    const [xla, cuda] = ['xla', 'cuda'].map((name) => stages.find((stage) => stage.name === name)!.instructions)
    const copied = xla!.filter(({ keyword }) => keyword === 'COPY').flatMap(({ words }) => words.slice(0, -1))
    assert.deepEqual(copied, [
      'scripts/container/xla.mjs',
      ...['errors.js', 'io', 'xla/setup'].map((name) => `/opt/grpo-ts/dist/${name}`),
    ])
    // All that these files import, themselves and in turn, is among them.
    const isCopied = (file: string): boolean => ['errors.', 'io/', 'xla/setup/'].some((name) => file.startsWith(name))
    const source = path.join(repository, 'src')
    for (const name of fs.readdirSync(source, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts') || !isCopied(name)) continue
      const text = fs.readFileSync(path.join(source, name), 'utf8')
      for (const [, type, specifier] of text.matchAll(/^import (type )?[^']*'(\.[^']+)'/gm)) {
        const imported = path.posix.join(path.posix.dirname(name), specifier!)
        if (type === undefined) assert.ok(isCopied(imported), `${name} imports ${imported}`)
      }
    }
    const variables = cuda!.find(({ keyword }) => keyword === 'ENV')!.words
    assert.deepEqual(variables, [
      'NVIDIA_VISIBLE_DEVICES=all',
      'NVIDIA_DRIVER_CAPABILITIES=compute,utility',
      'GRPO_TS_XLA_FOLDER=/opt/xla',
    ])
  })

  it('installs what the lock files name', () => {
    const installations = all('RUN').filter(({ text }) => /npm (ci|install|i)\b/.test(text))
    assert.deepEqual(
      installations.map(({ text }) => text),
      ['npm ci --ignore-scripts'],
    )
    const system = read('scripts/container/system.sh')
    assert.match(system, /apt-get install .*--no-install-recommends/)
    assert.match(system, /rm -rf \/var\/lib\/apt\/lists/)
    for (const line of read('jupyter/requirements.txt').trim().split('\n'))
      assert.match(line, /^(#.*|[\w.-]+==[\w.]+)$/)
  })

  it('leaves tokens to those who start it, and the protection of JupyterLab on', () => {
    for (const { text } of [...all('ENV'), ...all('ARG')]) assert.doesNotMatch(text, /token|password|secret/i)
    for (const name of ['Dockerfile', 'scripts/container/entrypoint.sh', 'scripts/lab.mjs']) {
      assert.doesNotMatch(read(name), /(token|password)=|allow_origin|disable_check_xsrf/)
    }
    // The container's user is not root; on a machine whose user is, `npm run lab` has to say so.
    assert.doesNotMatch(read('Dockerfile') + read('scripts/container/entrypoint.sh'), /--allow-root/)
  })

  it('gets neither packages, builds and runs of this machine nor secrets', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-context-'))
    try {
      fs.copyFileSync(path.join(repository, '.dockerignore'), path.join(folder, '.dockerignore'))
      const kept = ['deep/kept.txt', 'runs.txt', 'src/a.ts']
      const ignored = [
        '.env',
        'deep/.env.local',
        'deep/node_modules/a.js',
        'deep/er/runs/a.json',
        'runs/a',
        'dist/a.js',
      ]
      for (const name of [...kept, ...ignored]) {
        fs.mkdirSync(path.join(folder, path.dirname(name)), { recursive: true })
        fs.writeFileSync(path.join(folder, name), '')
      }
      assert.deepEqual(buildContext(folder).sort(), kept)
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
    assert.deepEqual(
      context.filter((file) => /^(\.git|dist|runs|test|\.jupyter-venv)\/|(^|\/)node_modules\//.test(file)),
      [],
    )
    const bytes = context.reduce((sum, file) => sum + fs.lstatSync(path.join(repository, file)).size, 0)
    assert.ok(bytes < 50 * 2 ** 20, `the context has ${bytes} bytes`)
  })
})

describe('compose.yaml', () => {
  const { services, volumes } = parse(read('compose.yaml'), { merge: true }) as {
    services: Record<string, Service>
    volumes: Record<string, null>
  }
  const stages = new Map(readDockerfile(read('Dockerfile')).map((stage) => [stage.name, stage]))

  it('builds the targets of the Dockerfile, with the GPUs for cuda alone', () => {
    assert.deepEqual(
      Object.entries(services).map(([name, { build, deploy }]) => [name, build.target, deploy !== undefined]),
      [
        ['lab', 'cuda', true],
        ['cpu', 'cpu', false],
      ],
    )
    const [device] = services.lab!.deploy!.resources.reservations.devices
    assert.deepEqual(device, { driver: 'nvidia', count: 'all', capabilities: ['gpu'] })
  })

  it('keeps the work in a folder, models and cache in volumes at the places that the image names', () => {
    for (const { build, ports, environment, stop_grace_period, ...service } of Object.values(services)) {
      const { instructions } = stages.get(build.target)!
      const variables = new Map(
        instructions
          .filter(({ keyword }) => keyword === 'ENV')
          .flatMap(({ words }) => words.map((word) => pair(word, '='))),
      )
      const mounts = new Map(service.volumes.map((mount) => pair(mount, ':')))
      assert.equal(mounts.get('./work'), instructions.find(({ keyword }) => keyword === 'VOLUME')!.words[0])
      assert.equal(mounts.get('models'), variables.get('HF_HOME'))
      assert.equal(mounts.get('cache'), variables.get('GRPO_TS_CACHE'))
      for (const name of Object.keys(volumes)) assert.ok(mounts.has(name), name)
      const port = instructions.find(({ keyword }) => keyword === 'EXPOSE')!.words[0]!
      assert.deepEqual(ports, [`127.0.0.1:${port}:${port}`])
      // Names alone: the values are those of who starts it.
      for (const name of environment) assert.match(name, /^[A-Z_]+$/)
      assert.equal(stop_grace_period, '2m')
    }
  })
})

interface Service {
  readonly build: { readonly target: string }
  readonly ports: readonly string[]
  readonly environment: readonly string[]
  readonly volumes: readonly string[]
  readonly stop_grace_period: string
  readonly deploy?: { readonly resources: { readonly reservations: { readonly devices: readonly object[] } } }
}

function pair(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return [text.slice(0, at), text.slice(at + 1)]
}

describe('the settings of hosted notebooks', () => {
  it('are valid and name files and scripts that exist', () => {
    const settings = JSON.parse(read('.devcontainer/devcontainer.json')) as {
      postCreateCommand: string
      containerEnv: Record<string, string>
    }
    assert.match(settings.postCreateCommand, /npm ci .*npm run build/)
    assert.match(settings.containerEnv.JUPYTER_PATH!, /\/jupyter$/)
    for (const name of ['binder/postBuild', 'binder/start']) {
      assert.ok(fs.statSync(path.join(repository, name)).mode & 0o100, `${name} is not executable`)
    }
    assert.match(read('binder/start'), /JUPYTER_PATH="\$PWD\/jupyter"\nexec "\$@"/)
  })
})
