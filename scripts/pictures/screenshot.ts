import { pathToFileURL } from 'node:url'
import type { Browser, Locator, Page } from 'playwright-core'
import { writeIndexedPng } from './png/indexed.js'
import { readPng } from './png/pixels.js'
import type { Theme } from './theme.js'

/** Pixels of the screen for one of CSS: sharp on fine screens too, where pages show pictures smaller than they were taken. */
const SCALE = 1.5
/** CSS pixels around what is shown. */
const MARGIN = 14
/** Milliseconds in which nothing moves in a page that is complete. */
const SETTLING = 500

/**
 * Opens a page in the colours of a theme, does something with it, and takes a picture of parts of it.
 * @param address a URL, or a file
 */
export async function screenshot(
  browser: Browser,
  address: string,
  theme: Theme,
  options: {
    width: number
    /** Of the window, and of the picture at most. */
    height: number
    /** Prepares the page. @returns what the picture shows: the smallest rectangle with all of them */
    show: (page: Page) => Promise<readonly Locator[]>
  },
): Promise<Buffer> {
  const { width, height, show } = options
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme.name,
    deviceScaleFactor: SCALE,
  })
  try {
    const page = await context.newPage()
    page.setDefaultTimeout(600_000)
    await page.goto(/^https?:/.test(address) ? address : pathToFileURL(address).href, { waitUntil: 'domcontentloaded' })
    // A bar that stays at the top would cover what is shown.
    await page.addStyleTag({ content: '.top, body > header { position: static !important }' })
    const parts = await show(page)
    await parts.at(-1)!.scrollIntoViewIfNeeded()
    // Texts are filled in as they come into view.
    let clip = await rectangleOf(page, parts)
    for (let before = ''; before !== JSON.stringify(clip); clip = await rectangleOf(page, parts)) {
      before = JSON.stringify(clip)
      await page.waitForTimeout(SETTLING)
    }
    const [x, y] = [Math.max(0, clip.x - MARGIN), Math.max(0, clip.y - MARGIN)]
    const png = await page.screenshot({
      animations: 'disabled',
      fullPage: true,
      clip: {
        x,
        y,
        width: Math.min(width - x, clip.x + clip.width + MARGIN - x),
        height: Math.min(height, clip.y + clip.height + MARGIN - y),
      },
    })
    return writeIndexedPng(readPng(png))
  } finally {
    await context.close()
  }
}

/** The smallest rectangle of a page that holds all the parts. */
async function rectangleOf(
  page: Page,
  parts: readonly Locator[],
): Promise<{ x: number; y: number; width: number; height: number }> {
  const handles = await Promise.all(parts.map((part) => part.elementHandle()))
  return page.evaluate((elements) => {
    const boxes = elements.map((element) => element.getBoundingClientRect())
    const [left, top] = [Math.min(...boxes.map((box) => box.left)), Math.min(...boxes.map((box) => box.top))]
    const [right, bottom] = [Math.max(...boxes.map((box) => box.right)), Math.max(...boxes.map((box) => box.bottom))]
    return { x: left + scrollX, y: top + scrollY, width: right - left, height: bottom - top }
  }, handles)
}
