import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { findChromium, howToGetChromium, launchChromium, PATIENCE } from '../../scripts/chromium.js'

/** A browser for the tests of a suite, which are skipped where there is none. */
export function useChromium(): () => Browser {
  let browser: Browser | null = null
  before(async function () {
    const program = findChromium()
    if (program === null) {
      console.log(`skipped: there is no Chromium here; ${howToGetChromium}`)
      this.skip()
    }
    browser = await launchChromium(program)
  })
  after(() => browser?.close())
  return () => browser!
}

/** A page with everything that went wrong in it. */
export interface WatchedPage {
  readonly page: Page
  /** Errors of the page's program, of its console, and requests to anywhere. */
  readonly troubles: string[]
}

/** Opens an address in a window of its own. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 1000 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE)
  const troubles: string[] = []
  page.on('pageerror', (error) => troubles.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') troubles.push(message.text())
  })
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url())
    if (protocol.startsWith('http') && origin !== new URL(url).origin) troubles.push(`asked for ${request.url()}`)
  })
  await page.goto(url)
  return { page, troubles }
}

/** Waits until the charts are drawn, and returns how many there are. */
export async function waitForCharts(page: Page): Promise<number> {
  await page.waitForFunction(() => {
    const figures = [...document.querySelectorAll('figure:not([hidden])')]
    return figures.length > 1 && figures.every((figure) => figure.querySelector('.main-svg') !== null)
  })
  return page.locator('figure:not([hidden]) .js-plotly-plot').count()
}
