import { Help } from 'commander'
import type { HelpConfiguration } from 'commander'

/** Columns that flags take beside their descriptions; what is longer has its description below. */
const WIDEST_FLAG = 37

/** How help texts are laid out. */
export const helpLayout: HelpConfiguration = {
  minWidthToWrap: 20,
  padWidth: (command, helper) => Math.min(WIDEST_FLAG, Help.prototype.padWidth.call(helper, command, helper)),
  formatItem(term, width, description, helper) {
    const format = (name: string): string => Help.prototype.formatItem.call(helper, name, width, description, helper)
    return term.length <= width ? format(term) : `  ${term}\n${format('')}`
  },
}
