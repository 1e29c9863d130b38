import type { Theme } from './theme.js'
import type { Workshop } from './workshop.js'

/** A picture of the README or of a page in docs/, which has its place there between two comments with its name. */
export interface Picture {
  readonly name: string
  /** Width in a page, in CSS pixels. Defaults to 800. */
  readonly width?: number
  /** What it shows, for those who do not see it, and the line below it. */
  describe(workshop: Workshop): Promise<{ alt: string; caption: string }>
  /** The picture in one theme: SVG as text, or a PNG. */
  make(workshop: Workshop, theme: Theme): Promise<string | Buffer>
}
