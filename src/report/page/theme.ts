import { byId } from './dom.js'

type Theme = 'auto' | 'light' | 'dark'

const themes: readonly Theme[] = ['auto', 'light', 'dark']
const KEY = 'grpo-ts-theme'

/** Makes the theme button work; calls `onChange` when the colours have changed, also by the system's doing. */
export function setUpTheme(onChange: () => void): void {
  const toggle = byId('theme')
  let theme = storedTheme()
  const apply = (): void => {
    if (theme === 'auto') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme
    toggle.textContent = { auto: '◐ Auto', light: '☀ Light', dark: '☾ Dark' }[theme]
    toggle.setAttribute('aria-label', `Colours: ${theme}. Change`)
  }
  toggle.addEventListener('click', () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length]!
    try {
      localStorage.setItem(KEY, theme)
    } catch {
      // A page that was opened as a file may not be allowed to; it forgets the choice then.
    }
    apply()
    onChange()
  })
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', onChange)
  apply()
}

function storedTheme(): Theme {
  try {
    return themes.find((theme) => theme === localStorage.getItem(KEY)) ?? 'auto'
  } catch {
    return 'auto'
  }
}
