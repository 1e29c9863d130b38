import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort } from '../freePort.js'

const repository = path.resolve(import.meta.dirname, '../..')

/** A JupyterLab as `npm run lab` starts it, with fresh settings: no notebook is trusted yet. */
export interface JupyterLab {
  readonly url: string
  readonly token: string
  readonly process: ChildProcess
  readonly home: string
}

/**
 * Starts it, and returns when it answers, or why there is none here.
 * @param options.venv That of .jupyter-venv, even when another one is on the PATH.
 */
export async function startJupyterLab(options: { venv: boolean }): Promise<JupyterLab | string> {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-lab-'))
  const settings = path.join(home, 'lab/user-settings/@jupyterlab/apputils-extension')
  fs.mkdirSync(settings, { recursive: true })
  const quiet = { fetchNews: 'false', checkForUpdates: false } // no pop-up, no request to anywhere
  fs.writeFileSync(path.join(settings, 'notification.jupyterlab-settings'), JSON.stringify(quiet))
  const token = randomBytes(16).toString('hex')
  const port = await findFreePort()
  const args = [
    ...(options.venv ? ['--venv'] : []),
    '--no-browser',
    '--ip=127.0.0.1',
    `--port=${port}`,
    '--ServerApp.port_retries=0',
    '--ContentsManager.allow_hidden=True',
    '--LabApp.extension_manager=readonly',
    '--LabApp.expose_app_in_browser=True',
    `--IdentityProvider.token=${token}`,
    ...(process.getuid?.() === 0 ? ['--allow-root'] : []),
  ]
  const folders = ['JUPYTER_CONFIG_DIR', 'JUPYTER_DATA_DIR', 'JUPYTER_RUNTIME_DIR', 'IPYTHONDIR'].map((name) => [
    name,
    home,
  ])
  const child = spawn(process.execPath, [path.join(repository, 'scripts/lab.mjs'), ...args], {
    env: { ...process.env, ...(Object.fromEntries(folders) as Record<string, string>) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      log += data.toString()
    })
  }
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 3000 && child.exitCode === null; tries++) {
    const isUp = await fetch(`${url}/api`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isUp) return { url, token, process: child, home }
    await sleep(200)
  }
  child.kill('SIGKILL')
  return log.slice(-2000)
}

/** Ends it with its kernels, and removes its settings. */
export async function stopJupyterLab(lab: JupyterLab): Promise<void> {
  const kernels = (await (await ask(lab, 'GET', 'kernels')).json()) as { id: string }[]
  for (const { id } of kernels) await ask(lab, 'DELETE', `kernels/${id}`)
  const ended = new Promise((resolve) => lab.process.once('exit', resolve))
  lab.process.kill('SIGTERM')
  await Promise.race([ended, sleep(10_000)])
  lab.process.kill('SIGKILL')
  fs.rmSync(lab.home, { recursive: true, force: true })
}

/** A request to its HTTP interface; `name` is the address below api/. */
export function ask({ url, token }: JupyterLab, method: string, name: string): Promise<Response> {
  return fetch(`${url}/api/${name}`, { method, headers: { Authorization: `token ${token}` } })
}
