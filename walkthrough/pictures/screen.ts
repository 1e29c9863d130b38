import fs from 'node:fs'
import type { Browser, BrowserContextOptions, CDPSession, Page } from 'playwright-core'
import { GrpoError } from '../../src/errors.js'

/** The picture above the strip of captions, in CSS pixels. */
export const PICTURE = { width: 1280, height: 640 }
/** The strip of captions. */
export const STRIP = { width: 1280, height: 80 }
/** Pixels of the video per CSS pixel: 1920 × 1080 in all. */
export const SCALE = 1.5

/** How pages are opened that pictures are taken of. */
export function windowOptions(viewport = PICTURE): BrowserContextOptions {
  return { viewport, deviceScaleFactor: SCALE, colorScheme: 'light', reducedMotion: 'reduce' }
}

/** A page of which pictures are taken. */
export class Screen {
  readonly page: Page
  readonly #session: CDPSession

  private constructor(page: Page, session: CDPSession) {
    this.page = page
    this.#session = session
  }

  static async of(page: Page): Promise<Screen> {
    return new Screen(page, await page.context().newCDPSession(page))
  }

  /** A page of our own, in a window of its own. */
  static async open(browser: Browser, viewport = PICTURE): Promise<Screen> {
    const context = await browser.newContext(windowOptions(viewport))
    return Screen.of(await context.newPage())
  }

  /** Writes what the page shows now as PNG, without the pains of compressing it well. */
  async take(file: string): Promise<void> {
    const clip = { x: 0, y: 0, ...this.page.viewportSize()!, scale: SCALE }
    const { data } = await this.#session.send('Page.captureScreenshot', { format: 'png', optimizeForSpeed: true, clip })
    fs.writeFileSync(file, Buffer.from(data, 'base64'))
  }

  /** Shows HTML. */
  async setContent(html: string): Promise<void> {
    await this.page.setContent(html, { waitUntil: 'load' })
  }

  async close(): Promise<void> {
    await this.page.context().close()
  }
}

/** Where a picture is taken of: an element of the page, and the text within it that is marked. */
export interface Target {
  /** CSS selector of what scrolls; null: the page. */
  readonly scroller: string | null
  /** CSS selector of the element that is shown. */
  readonly element: string
  readonly point: string | null
}

/**
 * Scrolls until an element is at the top of the picture, or, where a text within it is pointed at, until that is in the picture too;
 * and draws a frame around that text. Throws a GrpoError when it is not there; `where` is named in it.
 */
export async function aim(page: Page, target: Target, where: string): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const found = await page.evaluate(aimInPage, target)
    if (found !== null) throw new GrpoError(`${where}: ${found}`)
    // Charts and long cells are drawn when they come into sight, which moves what is below them.
    await page.waitForTimeout(round === 0 ? 500 : 150)
  }
}

/** Removes the frame of {@link aim}. */
export async function unmark(page: Page): Promise<void> {
  await page.evaluate(() => {
    document.querySelector('#walkthrough-mark')?.remove()
  })
}

/** Runs in the page; returns what is missing, or null. */
function aimInPage({ scroller, element, point }: Target): string | null {
  const margin = 12
  const area = scroller === null ? document.scrollingElement : document.querySelector(scroller)
  const shown = document.querySelector(element)
  if (!area || !shown) return `there is no ${area ? element : String(scroller)} on the page`
  document.querySelector('#walkthrough-mark')?.remove()
  const view = scroller === null ? new DOMRect(0, 0, innerWidth, innerHeight) : area.getBoundingClientRect()
  area.scrollTop += shown.getBoundingClientRect().top - view.top - margin
  if (point === null) return null

  // The smallest element with the text; of a table the row, of a chart all of it. (No function of its own: tsx would call a helper in
  // it that the page does not have.)
  const holders = [...shown.querySelectorAll('*')].filter((one) => {
    return one.textContent.includes(point) && !['STYLE', 'SCRIPT', 'TITLE'].includes(one.tagName)
  })
  const smallest = holders.filter((one) => !holders.some((other) => other !== one && one.contains(other)))
  const visible = smallest.find((one) => one.getClientRects().length > 0)
  const pointed = visible?.closest('tr, .js-plotly-plot, figure, li, .cm-line') ?? visible
  if (!pointed) return `'${point}' does not stand in what is shown (${shown.textContent.slice(0, 200)} …)`
  // What is low in the picture, or below it, comes to its upper part, so that what follows is seen too.
  const before = pointed.getBoundingClientRect()
  const height = Math.min(view.height, innerHeight - view.top)
  if (before.bottom > view.top + 0.75 * height) area.scrollTop += Math.max(0, before.top - view.top - 0.2 * height)
  const rectangle = pointed.getBoundingClientRect()
  const mark = document.createElement('div')
  mark.id = 'walkthrough-mark'
  const left = Math.max(rectangle.left - 4, 2)
  const top = Math.max(rectangle.top - 3, 2)
  mark.setAttribute(
    'style',
    `position: fixed; z-index: 100000; pointer-events: none; border: 3px solid #e8590c; border-radius: 6px;
     background: rgba(255, 212, 59, 0.18); left: ${left}px; top: ${top}px;
     width: ${Math.min(rectangle.right + 4, innerWidth - 2) - left}px; height: ${rectangle.bottom + 3 - top}px; box-sizing: border-box`,
  )
  document.body.append(mark)
  return null
}
