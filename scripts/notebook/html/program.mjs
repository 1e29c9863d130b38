// The page's own program; without it only the theme button and the hiding of code are missing.
import { setUpTheme } from '../../../src/report/page/theme.ts'

setUpTheme(() => {})
