import type { Page } from 'playwright-core'

/** Waits until all charts of a report are drawn. */
export async function waitForCharts(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const figures = [...document.querySelectorAll('figure:not([hidden])')]
    return figures.length > 1 && figures.every((figure) => figure.querySelector('.main-svg') !== null)
  })
}
