import fs from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'

/** Where packages of Debian, Ubuntu (snap), Fedora and macOS put Chromium or Chrome. */
const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** Milliseconds that a page is waited for: long, for the machine may be busy. */
export const PATIENCE = 600_000

/** What to do where there is none. */
export const howToGetChromium =
  'install one (Debian and Ubuntu: apt-get install chromium; macOS: brew install --cask chromium), ' +
  'or name the program in the environment variable CHROMIUM'

/** The program: the one that CHROMIUM names, or one in the usual places; null where there is none. */
export function findChromium(): string | null {
  return [process.env.CHROMIUM, ...places].find((place) => place && fs.existsSync(place)) ?? null
}

/** Starts Chromium without a screen, and without asking anything of the network for itself. */
export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}
