import fs from 'node:fs'

/** https://docs.python.org/3/reference/lexical_analysis.html#keywords */
const keywords =
  'False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield'.split(
    ' ',
  )

/** The client of the reward service, with which every export's grpo_ts_rewards.py begins. */
export function clientSource(): string {
  return fs.readFileSync(new URL('grpo_ts_rewards.py', import.meta.url), 'utf8')
}

/** [names] Names of Python functions for reward functions: their own where they can be, such as `correctness`, else `reward_2`. */
export function pythonNames(names: readonly string[]): string[] {
  const taken = [...clientSource().matchAll(/^(?:def|class|import) (\w+)|^(\w+)(?:: \w+)? = /gm)].map(
    ([, defined, assigned]) => defined ?? assigned,
  )
  const isUsable = (name: string): boolean =>
    /^[A-Za-z]\w*$/.test(name) && !keywords.includes(name) && !taken.includes(name) && !/^reward_\d+$/.test(name)
  return names.map((name, i) => (isUsable(name) ? name : `reward_${i + 1}`))
}
