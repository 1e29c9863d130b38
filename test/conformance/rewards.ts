import { unsupported } from './compare.js'
import type { Part } from './referenceFiles.js'

const notImplemented: Readonly<Record<string, string>> = {
  accuracy: 'no grading of mathematical expressions yet (math-verify)',
  cosine: 'no cosine-scaled reward yet',
  gsm8k_extraction:
    "no answer extraction by lm-evaluation-harness's regular expressions yet; the correctness reward has stricter rules of its own",
  reasoning_accuracy: 'no grading of mathematical expressions yet (math-verify)',
  repetition: 'no repetition reward yet',
  soft_overlong: 'no soft overlong punishment yet',
  think_format: "no reward by TRL's think format yet; the format reward has a form of its own",
}

/** Reward functions. */
export const rewards: Part = {
  name: 'rewards',
  matches:
    /^rewards\/(accuracy|cosine|gsm8k_extraction|reasoning_accuracy|repetition|soft_overlong|think_format)\.json$/,
  *run(file) {
    yield unsupported('reward', notImplemented[/([^/]+)\.json$/.exec(file)![1]!]!)
  },
}
