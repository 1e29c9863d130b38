import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { buildContext } from './buildContext.js'
import { expand, jsonStrings } from './dockerfile.js'
import type { Instruction, Stage } from './dockerfile.js'

const repository = path.resolve(import.meta.dirname, '../..')
const work = path.join(os.tmpdir(), 'grpo-ts-container')
/** Where the certificates of this machine lie, which its network may need, and where a root has them for its build. */
const certificates = { outside: '/etc/ssl/certs/ca-certificates.crt', inside: '/etc/certificates-of-the-test.crt' }

/** What a container of the image starts with. */
export interface ChrootImage {
  readonly root: string
  env: Record<string, string>
  user: string
  folder: string
  entrypoint: string[]
  command: string[]
  healthcheck: string[]
  volumes: string[]
}

function run(command: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`.slice(-4000))
}

/** A Debian with nothing in it, in place of every image; made once and kept. */
function bareDebian(): string {
  const base = path.join(work, 'debian')
  if (!fs.existsSync(base)) {
    fs.mkdirSync(work, { recursive: true })
    fs.rmSync(`${base}.part`, { recursive: true, force: true })
    run('debootstrap', ['--variant=minbase', 'bookworm', `${base}.part`])
    fs.renameSync(`${base}.part`, base)
  }
  return base
}

/** What lets programs in the root reach the package registries as this machine does: certificates, names, settings. */
function networkSettings(): Record<string, string> {
  const given = Object.entries(process.env).filter(([name]) =>
    /^(npm_config_registry$|pip_|https?_proxy$|no_proxy$)/i.test(name),
  )
  const variables = ['NODE_EXTRA_CA_CERTS', 'PIP_CERT', 'SSL_CERT_FILE'].map(
    (name) => [name, certificates.inside] as const,
  )
  return { ...(Object.fromEntries(given) as Record<string, string>), ...Object.fromEntries(variables) }
}

/** Carries out the instructions of a stage, and of those that it builds on, in folders instead of images. */
export class ChrootBuilder {
  readonly #stages: readonly Stage[]
  readonly #built = new Map<string, ChrootImage>()
  readonly #say: (message: string) => void
  /** Of the stage that is being built. */
  #arguments: Record<string, string> = {}

  constructor(stages: readonly Stage[], say: (message: string) => void) {
    this.#stages = stages
    this.#say = say
  }

  build(name: string): ChrootImage {
    const done = this.#built.get(name)
    if (done) return done
    const stage = this.#stages.find((candidate) => candidate.name === name)!
    const isStage = this.#stages.some((candidate) => candidate.name === stage.from)
    const base = isStage ? this.build(stage.from) : null
    const root = path.join(work, `${process.pid}`, name)
    fs.mkdirSync(path.dirname(root), { recursive: true })
    run('cp', ['-a', '--reflink=auto', base?.root ?? bareDebian(), root])
    for (const file of ['/etc/resolv.conf', '/etc/hosts']) fs.copyFileSync(file, path.join(root, file))
    if (!isStage) this.#prepare(root, stage.from)
    const image: ChrootImage = {
      root,
      user: '0:0',
      folder: '/',
      entrypoint: [],
      command: [],
      healthcheck: [],
      volumes: [],
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
      ...(base ? structuredClone({ ...base, root }) : {}),
    }
    this.#arguments = {}
    for (const instruction of stage.instructions) {
      this.#say(`${name} ${instruction.line}: ${instruction.keyword} ${instruction.text}`)
      this.#carryOut(image, instruction)
    }
    this.#built.set(name, image)
    return image
  }

  /** The bare Debian becomes what an image is known to have. */
  #prepare(root: string, image: string): void {
    fs.copyFileSync(certificates.outside, path.join(root, certificates.inside))
    // Registries of this machine may be older than its clock.
    fs.writeFileSync(path.join(root, 'etc/apt/apt.conf.d/99test'), 'Acquire::Check-Valid-Until "false";\n')
    if (!image.startsWith('node:')) return
    const node = path.dirname(process.execPath)
    run('install', [process.execPath, path.join(root, 'usr/local/bin/node')])
    const npm = ['../lib/node_modules', '../share/nodejs']
      .map((folder) => path.join(node, folder, 'npm'))
      .find(fs.existsSync)
    if (!npm) throw new Error(`no npm beside ${process.execPath}`)
    fs.mkdirSync(path.join(root, 'usr/local/lib/node_modules'), { recursive: true })
    run('cp', ['-a', npm, path.join(root, 'usr/local/lib/node_modules/npm')])
    for (const name of ['npm', 'npx']) {
      fs.symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, path.join(root, `usr/local/bin/${name}`))
    }
    run('chroot', [root, 'useradd', '--uid', '1000', '--user-group', '--create-home', 'node'])
  }

  #carryOut(image: ChrootImage, { keyword, text, words, flags, line }: Instruction): void {
    switch (keyword) {
      case 'RUN': {
        const variables = { ...this.#arguments, ...networkSettings() }
        const { status, stdout, stderr } = spawnSync(...inChroot(image, ['/bin/sh', '-c', text], variables), {
          encoding: 'utf8',
          maxBuffer: 2 ** 28,
          stdio: ['ignore', 'pipe', 'pipe'],
        })
        if (status !== 0)
          throw new Error(`line ${line}: RUN ended with ${status}\n${`${stdout}${stderr}`.slice(-4000)}`)
        return
      }
      case 'ARG': {
        const [name, value] = words[0]!.split('=')
        if (value !== undefined) this.#arguments[name!] = value
        return
      }
      case 'COPY':
        this.#copy(image, words, flags)
        return
      case 'ENV':
        for (const word of words) {
          const [, name, value] = /^(\w+)=(.*)$/s.exec(word)!
          image.env[name!] = expand(value!, image.env)
        }
        return
      case 'WORKDIR':
        image.folder = path.posix.resolve(image.folder, words[0]!)
        fs.mkdirSync(path.join(image.root, image.folder), { recursive: true })
        return
      case 'USER':
        image.user = words[0]!
        return
      case 'VOLUME':
        image.volumes.push(...words)
        return
      case 'ENTRYPOINT':
        image.entrypoint = jsonStrings(text)
        return
      case 'CMD':
        image.command = jsonStrings(text)
        return
      case 'HEALTHCHECK':
        image.healthcheck = jsonStrings(text)
        return
      case 'EXPOSE':
        return
      default:
        throw new Error(`line ${line}: ${keyword} is not supported`)
    }
  }

  /** Copies files, and the contents of folders, as COPY does. */
  #copy(image: ChrootImage, words: readonly string[], { from, chown }: Readonly<Record<string, string>>): void {
    const target = words.at(-1)!
    const destination = path.join(image.root, path.posix.resolve(image.folder, target))
    const sources = from === undefined ? contextFolder() : this.build(from).root
    const [user, group] = (chown ?? '0:0').split(':')
    if (!target.endsWith('/') && words.length > 2)
      throw new Error(`COPY ${words.join(' ')}: expected a folder at the end`)
    fs.mkdirSync(destination, { recursive: true })
    for (const source of words.slice(0, -1)) {
      const file = path.join(sources, source)
      const isFolder = fs.statSync(file).isDirectory()
      if (!isFolder && !target.endsWith('/')) throw new Error(`COPY ${source} ${target}: expected a folder at the end`)
      const [folder, name] = isFolder ? [file, '.'] : [path.dirname(file), path.basename(file)]
      const pack = `tar -C '${folder}' --owner=${user} --group=${group} --numeric-owner -cf - '${name}'`
      run('/bin/sh', ['-c', `${pack} | tar -C '${destination}' --no-overwrite-dir -xpf -`])
    }
  }

  remove(): void {
    run('rm', ['-rf', path.join(work, `${process.pid}`)])
  }
}

/** A copy of the files that Docker would get. */
function contextFolder(): string {
  const folder = path.join(work, `${process.pid}`, 'context')
  if (!fs.existsSync(folder)) {
    for (const file of buildContext(repository)) {
      fs.mkdirSync(path.join(folder, path.dirname(file)), { recursive: true })
      fs.cpSync(path.join(repository, file), path.join(folder, file), {
        preserveTimestamps: true,
        verbatimSymlinks: true,
      })
    }
  }
  return folder
}

/** The command that runs a program in a root, with processes and mounts of its own, which all end with it. */
function inChroot(
  { root, user, env, folder }: ChrootImage,
  command: readonly string[],
  variables: Readonly<Record<string, string>>,
  mounts: Readonly<Record<string, string>> = {},
): [string, string[]] {
  const id = user.split(':')[0]!
  const home = new RegExp(`^[^:]*:[^:]*:${id}:.*:([^:]*):[^:]*$`, 'm').exec(
    fs.readFileSync(path.join(root, 'etc/passwd'), 'utf8'),
  )
  const all = { HOME: home?.[1] ?? '/', ...env, ...variables }
  const binds = Object.entries(mounts).map(
    ([outside, inside]) => `mount --bind '${outside}' '${path.join(root, inside)}'`,
  )
  const script = [
    `mount -t proc proc '${root}/proc'`,
    `mount --bind /dev '${root}/dev'`,
    ...binds,
    `exec env -i "$@"`,
  ].join(' && ')
  const inside = [
    'chroot',
    `--userspec=${user}`,
    root,
    '/bin/sh',
    '-c',
    `cd '${folder}' && exec "$@"`,
    'sh',
    ...command,
  ]
  const assignments = Object.entries(all).map(([name, value]) => `${name}=${value}`)
  return [
    'unshare',
    ['--mount', '--pid', '--fork', '--kill-child', '/bin/sh', '-c', script, 'sh', ...assignments, ...inside],
  ]
}

/** Starts a program as `docker run IMAGE …` would: by the entry point, with a folder of this machine as the volume. */
export function startContainer(
  image: ChrootImage,
  { volume, command = image.command, env = {}, user = image.user }: StartOptions,
): ChildProcess {
  const [program, args] = inChroot({ ...image, user }, [...image.entrypoint, ...command], env, {
    [volume]: image.volumes[0]!,
  })
  return spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
}

export interface StartOptions {
  readonly volume: string
  readonly command?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly user?: string
}
