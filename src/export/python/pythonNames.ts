import { template } from '../template.js'

/** https://docs.python.org/3/reference/lexical_analysis.html#keywords */
const keywords =
  'False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield'

/** The client of the reward service, with which every export's grpo_ts_rewards.py begins. */
export function clientSource(): string {
  return template('grpo_ts_rewards.py', import.meta.url)
}

/**
 * [names] Names of Python functions for reward functions that follow the client and `source`: their own where they can be, such as
 * `correctness`, else `reward_2`.
 */
export function pythonNames(names: readonly string[], source: string): string[] {
  // What is defined, called, assigned or looked into there, exceptions too: a function of that name would take its place.
  const used = `${clientSource()}\n${source}`.match(/\b\w+(?=\s*[(.=:,])|\b[A-Z]\w*|(?<=^import )\w+/gm)
  const taken = new Set([...keywords.split(' '), ...(used ?? [])])
  return names.map((name, i) =>
    /^[A-Za-z][A-Za-z0-9_]*$/.test(name) && !taken.has(name) && !/^reward_\d+$/.test(name) ? name : `reward_${i + 1}`,
  )
}
