/** Colours of pictures that are drawn here, as GitHub's pages have them. */
export interface Theme {
  readonly name: 'light' | 'dark'
  readonly ground: string
  readonly border: string
  readonly text: string
  readonly muted: string
  readonly grid: string
  /** Of what is to be seen first, and of what it is compared with. */
  readonly accent: string
  readonly other: string
}

export const themes: readonly Theme[] = [
  {
    name: 'light',
    ground: '#f6f8fa',
    border: '#d1d9e0',
    text: '#1f2328',
    muted: '#59636e',
    grid: '#d1d9e0',
    accent: '#0969da',
    other: '#bc4c00',
  },
  {
    name: 'dark',
    ground: '#151b23',
    border: '#3d444d',
    text: '#f0f6fc',
    muted: '#9198a1',
    grid: '#3d444d',
    accent: '#4493f8',
    other: '#f0883e',
  },
]
