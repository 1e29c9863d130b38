import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { GrpoError } from '../errors.js'

/** What the page is made of besides its data. */
export interface PageAssets {
  readonly styles: string
  /** The page's own program, bundled. */
  readonly program: string
  /** plotly.js with its licence in front. */
  readonly plotly: string
}

let assets: PageAssets | null = null

/** The assets, which `npm run build` makes; read once. Throws a GrpoError when they are missing. */
export function pageAssets(): PageAssets {
  assets ??= {
    styles: readBuilt('report', 'page.css'),
    program: readBuilt('report', 'page.js'),
    plotly: readPlotly(),
  }
  return assets
}

/** A file that the build makes for a page: of the report, or of another one. Throws a GrpoError when it is missing. */
export function readBuilt(page: string, name: string): string {
  const file = new URL(`../../dist/${page}/${name}`, import.meta.url)
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (cause) {
    throw new GrpoError(`${name} of the page ${page} is missing (${file.pathname}); run \`npm run build\``, { cause })
  }
}

/** plotly.js with its licence in front; it makes a global `Plotly`, or `moduleName`. */
export function readPlotly(): string {
  const file = createRequire(import.meta.url).resolve('plotly.js-basic-dist-min')
  const license = fs.readFileSync(path.join(path.dirname(file), 'LICENSE'), 'utf8')
  return `/*!\n${license.trim()}\n*/\n${fs.readFileSync(file, 'utf8')}`
}
