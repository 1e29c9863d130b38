import type { Picture } from '../picture.js'
import type { Theme } from '../theme.js'
import type { Workshop } from '../workshop.js'
import type { Recording } from '../terminal/recording.js'
import { drawTerminal } from '../terminal/drawing.js'
import { finalLines } from '../terminal/frames.js'

/** Completions that are cut off before they have answered, in a training that shows soon what that does. */
const tooShort = ['--max-completion-length', '12']
const tooFast = ['--learning-rate', '5e-3', '--max-steps', '20', '--no-preflight']
/** The folder of that training. */
export const TROUBLE = 'runs/short-completions'
const troubledTraining = [
  'train',
  'examples/small-run.yaml',
  ...tooShort,
  ...tooFast,
  '--output-dir',
  TROUBLE,
  '--overwrite',
]

/** Records a training in {@link TROUBLE} that the diagnosis has something to say of. */
export function recordTrouble(workshop: Workshop): Promise<Recording> {
  return workshop.command('diagnosis', troubledTraining)
}

/** What a command of grpo-ts prints, with the words that describe it. */
function printed(
  name: string,
  args: readonly string[],
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
  printed('doctor', ['doctor'], {
    alt:
      'What grpo-ts doctor prints: Node.js, processor, memory, WebAssembly, GPU, disk, Hub and cache of this machine, then for each engine ' +
      'whether it works, and which one is taken.',
    caption: '`grpo-ts doctor`: what this machine has, which engines work, and which one is taken.',
  }),
  printed('preflight', ['preflight', 'examples/small-run.yaml', ...tooShort, '--output-dir', 'runs/short'], {
    alt:
      'What grpo-ts preflight prints of a run whose completions may have 12 tokens only: a line for each check with what was measured, ' +
      'and the problem that completions are cut off, with the option to change.',
    caption: 'A preflight that finds a problem: completions of at most 12 tokens are too short for this task.',
    exitCodes: [0, 1],
  }),
  printed('diagnosis', troubledTraining, {
    alt:
      'What grpo-ts train prints when completions may have 12 tokens only: lines of steps, between them what the diagnosis found, with the ' +
      'numbers that made it speak and what to change.',
    caption: 'A diagnosis while it trains: what reasons is cut off, earns nothing, and is driven out.',
  }),
  printed('evaluation', ['eval', 'runs/quickstart', '--limit', '200'], {
    alt:
      'What grpo-ts eval prints: a table of base and trained model on the same held-out problems with the difference, its interval and its ' +
      'p-value, sentences that say what it shows, and problems that became better and worse with what both models wrote.',
    caption: '`grpo-ts eval runs/quickstart --limit 200`, after `npm start`.',
    before: (workshop) => workshop.quickstart(),
  }),
]
