import type { Command } from 'commander'
import { describeOptions, helpText } from '../../options/describe.js'
import { builtInRewards } from '../../rewards/builtInRewards.js'
import { commonOptions } from '../../rewards/rewardOptions.js'

/** Adds the options of rewards to the help text of a verb that takes rewards by their names. */
export function addRewardHelp(command: Command): void {
  command.addHelpText('after', ({ command: shown }) => {
    const help = shown.createHelp()
    const width = Math.min(80, shown.configureOutput().getOutHelpWidth?.() ?? 80)
    const describe = (shape: Parameters<typeof describeOptions>[0]): string[] =>
      describeOptions(shape).map((described) => {
        const [first = '', ...rest] = help.boxWrap(`${described.name}: ${helpText(described)}`, width - 6).split('\n')
        return [`    ${first}`, ...rest.map((line) => `      ${line}`)].join('\n')
      })
    const rewards = [...builtInRewards].flatMap(([name, { options }]) => [`  ${name}`, ...describe(options)])
    return [
      '\nOptions of rewards, as in format:0.2?style=think:',
      '  every reward',
      ...describe(commonOptions),
      ...rewards,
    ].join('\n')
  })
}
