import type { RewardFunction, RewardOptions } from '../reward.js'
import { rewardOptions } from '../rewardOptions.js'

/**
 * TRL's think_format_reward: 1 if the completion begins with `<think>`, has no other `<think>`, and closes it; anything, also
 * nothing, may stand inside and behind. A prompt that ends with `<think>` has begun the completion. Easily satisfied: `format` with the style `think` asks for more.
 */
export function thinkFormat(options: RewardOptions = {}): RewardFunction {
  const [common] = rewardOptions('think_format', {}, options)
  return {
    ...common,
    score({ completion: text, prompt }) {
      const completion = /<think>\s*$/.test(prompt) && !text.startsWith('<think>') ? `<think>${text}` : text
      const isOpenedOnce = completion.startsWith('<think>') && completion.lastIndexOf('<think>') === 0
      return isOpenedOnce && completion.includes('</think>') ? 1 : 0
    },
  }
}
