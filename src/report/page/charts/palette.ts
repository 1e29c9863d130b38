/** The colours of the theme, from the style sheet. */
export interface Palette {
  readonly text: string
  readonly muted: string
  readonly grid: string
  readonly surface: string
  readonly series: readonly string[]
}

export function currentPalette(): Palette {
  const style = getComputedStyle(document.documentElement)
  const color = (name: string): string => style.getPropertyValue(`--${name}`).trim()
  return {
    text: color('text'),
    muted: color('muted'),
    grid: color('grid'),
    surface: color('surface'),
    series: [1, 2, 3, 4, 5, 6].map((number) => color(`series-${number}`)),
  }
}

/** A colour of the form #rrggbb with an opacity from 0 to 1. */
export function translucent(color: string, opacity: number): string {
  const [red, green, blue] = [1, 3, 5].map((start) => Number.parseInt(color.slice(start, start + 2), 16))
  return `rgba(${red ?? 0}, ${green ?? 0}, ${blue ?? 0}, ${opacity})`
}

/** From low to high; told apart also by those who see red and green alike. */
export const sequentialColors = [
  '#a50026',
  '#d73027',
  '#f46d43',
  '#fdae61',
  '#abd9e9',
  '#74add1',
  '#4575b4',
  '#313695',
] as const
