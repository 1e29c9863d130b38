import type { Picture } from '../picture.js'
import type { Theme } from '../theme.js'
import type { Workshop } from '../workshop.js'
import type { Recording } from '../terminal/recording.js'
import { drawTerminal } from '../terminal/drawing.js'
import { finalLines } from '../terminal/frames.js'

/** The folder of a training that the diagnosis has something to say of. */
export const TROUBLE = 'runs/paid-steps'
/** Pays for steps of reasoning, whatever they say; that the answer is right is measured and not paid for. */
const troubledTraining = `train examples/small-run.yaml --rewards reasoning_steps?targetSteps=6 correctness:0 --learning-rate 5e-3 --max-steps 24 --no-preflight --output-dir ${TROUBLE} --overwrite`

/** Records that training. */
export function recordTrouble(workshop: Workshop): Promise<Recording> {
  return workshop.command('diagnosis', troubledTraining)
}

/** What a command of grpo-ts prints, with the words that describe it. */
function printed(
  name: string,
  args: string,
  words: {
    alt: string
    caption: string
    exitCodes?: readonly number[]
    before?: (workshop: Workshop) => Promise<unknown>
  },
): Picture {
  const record = async (workshop: Workshop): Promise<Recording> => {
    await words.before?.(workshop)
    return workshop.command(name, args, { exitCodes: words.exitCodes ?? [0] })
  }
  return {
    name,
    describe: () => Promise.resolve({ alt: words.alt, caption: `<sub>${words.caption}</sub>` }),
    async make(workshop: Workshop, theme: Theme) {
      const recording = await record(workshop)
      return drawTerminal(finalLines(recording), recording.columns, theme, `${recording.command} in a terminal`)
    },
  }
}

/** What commands print, in the pages that describe them. */
export const terminalPictures: readonly Picture[] = [
  printed('doctor', 'doctor', {
    alt:
      'What grpo-ts doctor prints: Node.js, processor, memory, WebAssembly, GPU, disk, Hub and cache of this machine, then for each engine ' +
      'whether it works, and which one is taken.',
    caption: '`grpo-ts doctor`: what this machine has, which engines work, and which one is taken.',
  }),
  printed(
    'preflight',
    'preflight examples/small-run.yaml --task arithmetic --difficulty 6-8 --limit 200 --output-dir runs/too-hard',
    {
      alt:
        'What grpo-ts preflight prints of problems that are too hard: a line for each check with what was measured, most of them ok, and ' +
        'warnings of the pass rate and of usable groups, since hardly a completion is right, with what to change.',
      caption: 'A preflight that warns: where hardly a completion is right there is little to reinforce.',
      exitCodes: [0, 1],
    },
  ),
  printed('diagnosis', troubledTraining, {
    alt:
      'What grpo-ts train prints when steps of reasoning are paid, whatever they say: lines of steps in which the reward rises, between them ' +
      'what the diagnosis found, with the numbers that made it speak and what to change.',
    caption: 'A diagnosis while it trains: steps are paid whatever they say, and soon they say nothing.',
  }),
  printed('evaluation', 'eval runs/quickstart --limit 200', {
    alt:
      'What grpo-ts eval prints: a table of base and trained model on the same held-out problems with the difference, its interval and its ' +
      'p-value, sentences that say what it shows, and problems that became better and worse with what both models wrote.',
    caption: '`grpo-ts eval runs/quickstart --limit 200`, after `npm start`.',
    before: (workshop) => workshop.quickstart(),
  }),
]
