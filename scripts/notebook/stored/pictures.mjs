// Pictures of charts as PNG, taken in Chromium.
import { tsImport } from 'tsx/esm/api'
import { setPicture } from './form.mjs'
import { shrinkPng } from './smallPng.mjs'

/** Pixels of CSS that a picture is wide at most: the column of a notebook on a hosting page. */
const WIDTH = 920

/** Pixels of the picture for one of CSS. */
const SCALE = 2

/**
 * Takes the pictures that outputs still need: on no ground, for light and dark pages.
 * @param {Map<object, string>} drawings outputs, which are changed, with their HTML
 * @throws Error where there is no Chromium
 */
export async function takePictures(drawings) {
  if (drawings.size === 0) return
  const { findChromium, howToGetChromium, launchChromium } = await tsImport('../../chromium.ts', import.meta.url)
  const program = findChromium()
  if (program === null) throw new Error(`no Chromium, which takes the pictures of charts; ${howToGetChromium}`)
  const browser = await launchChromium(program)
  try {
    const context = await browser.newContext({
      deviceScaleFactor: SCALE,
      javaScriptEnabled: false,
      viewport: { width: WIDTH, height: 800 },
    })
    const page = await context.newPage()
    for (const [output, html] of drawings) {
      // Several charts stand beside each other, as wide as the page; one is as wide as it is.
      const isOne = html.match(/<img /g).length === 1
      await page.setContent(
        `<!doctype html><style>body{margin:0}img{display:block}</style><div style="${isOne ? 'width:max-content' : ''}">${html}</div>`,
      )
      const box = page.locator('body > div')
      const { width, height } = await box.boundingBox()
      const png = shrinkPng(await box.screenshot({ omitBackground: true }))
      setPicture(output, { png, width: Math.round(width), height: Math.round(height) })
    }
  } finally {
    await browser.close()
  }
}
