import { spawn } from 'node:child_process'
import type { SpawnOptionsWithStdioTuple } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, Locator, Page } from 'playwright-core'
import * as settings from '../../src/cli/quickstart/settings.js'
import { runLayout } from '../../src/run/layout.js'
import { waitForCharts } from './catalogue/waitForCharts.js'
import { main, root } from './places.js'
import { screenshot } from './screenshot.js'
import { withServed } from './served.js'
import { themes } from './theme.js'

/** The step from which on there is something to see. */
const STEP = 30

/** What `npm start` trains, without its evaluations, as flags of `grpo-ts train`. */
const flags = Object.entries(settings.runOptions)
  .filter(([name]) => !/eval/i.test(name))
  .flatMap(([name, value]) => [`--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, String(value)])

/** Trains as `npm start` does, takes pictures of the live report on the way, and ends the training. */
export async function watchRun(browser: Browser, folder: string): Promise<Record<'light' | 'dark', Buffer>> {
  fs.rmSync(folder, { recursive: true, force: true })
  const options: SpawnOptionsWithStdioTuple<'ignore', 'pipe', 'inherit'> = {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  }
  const training = spawn(
    process.execPath,
    [main, 'train', ...flags, '--output-dir', folder, '--rewards', 'correctness', '--no-preflight'],
    options,
  )
  training.stdout.resume()
  const ended = once(training, 'exit')
  try {
    while (!fs.existsSync(runLayout(folder).metrics)) {
      if (training.exitCode !== null) throw new Error(`the training in ${folder} ended with ${training.exitCode}`)
      await sleep(200)
    }
    return await withServed(['report', folder, '--watch'], async (address) => {
      const show = async (page: Page): Promise<Locator[]> => {
        await page.waitForFunction(
          (step) => Number(/step (\d+)/.exec(document.querySelector('#state')?.textContent ?? '')?.[1]) >= step,
          STEP,
        )
        await waitForCharts(page)
        return [page.locator('.top'), page.locator('#overview')]
      }
      const taken = await Promise.all(
        themes.map(async (theme) => [
          theme.name,
          await screenshot(browser, address, theme, { width: 1280, height: 640, show }),
        ]),
      )
      return Object.fromEntries(taken) as Record<'light' | 'dark', Buffer>
    })
  } finally {
    training.kill('SIGINT')
    await ended
  }
}
