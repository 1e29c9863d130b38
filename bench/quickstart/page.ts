import path from 'node:path'
import { atomicWriteFile } from '../../src/io/atomicWrite.js'
import { HARDER_PROBLEMS } from '../../src/cli/quickstart/settings.js'
import { fillPage } from './markdown.js'
import type { Section } from './markdown.js'
import { drawPassAtK } from './passAtKPicture.js'
import { passAtKTable, taughtTable } from './passAtKTables.js'
import type { Results } from './results.js'
import { describeRuns, runTable, seedTable } from './seedTable.js'
import { wordingsTable } from './wordingsTable.js'

const NAME = 'embedded-model'

/** The file of the results in the folder of the page. */
export function resultsFile(folder: string): string {
  return path.join(folder, `${NAME}.json`)
}

/** Writes what was measured into embedded-model.md, whose prose stays as it is, and draws the curves of pass@k beside it. */
export function writePage(folder: string, results: Results): void {
  const sections = sectionsOf(results)
  if (results.passAtK.length > 0) {
    atomicWriteFile(path.join(folder, `${NAME}-pass-at-k.svg`), drawPassAtK(results.passAtK))
  }
  fillPage(path.join(folder, `${NAME}.md`), 'The embedded model', sections)
}

/** The tables of all that was measured. */
export function sectionsOf({ model, measured, runs, passAtK, wordings }: Results): Section[] {
  const { processor, cores, node, date } = measured
  const sections: Section[] = []
  if (runs.length > 0) {
    const seeds = new Set(runs.map(({ seed }) => seed))
    const body = [
      `${seeds.size === 1 ? 'One seed' : `${seeds.size} seeds`} of \`npm start\` with \`${path.basename(model)}\`, from ` +
        `\`npm run bench:quickstart\` on ${processor}, ${cores} cores, Node ${node}, ${date}.`,
      describeRuns(runs, Math.min(HARDER_PROBLEMS, runs[0]!.problems)),
      `\n${seedTable(runs)}`,
      `\nEvery run:\n\n${runTable(runs)}`,
    ]
    sections.push({ name: 'seeds', heading: 'Before and after', body: body.join('\n') })
  }
  const [set] = passAtK
  if (set) {
    const n = set.base.samples
    const body = [
      `${set.base.right.length} held-out problems of each set, ${n} sampled answers to each, by the base and by the models that seed ` +
        `${set.seed} trained with the reward and with the placebo. pass@k is the chance that one of k answers is right; 95 % intervals over problems ([how](../evaluation.md)).`,
      `Where the trained model's pass@1 stays below the base's pass@${n}, training drew out what many tries of the base already find;`,
      `what it solves beyond them, and the problems that only it solves in ${n} tries, it was taught. With so many answers the placebo is told ` +
        'from the base more exactly than in the table of the seeds.',
      `\n![pass@k by k on each set](${NAME}-pass-at-k.svg)`,
      `\n${taughtTable(passAtK)}`,
      `\n${passAtKTable(passAtK)}`,
    ]
    sections.push({ name: 'pass-at-k', heading: 'What GRPO teaches and what it draws out', body: body.join('\n') })
  }
  if (wordings) {
    const body = [
      `${wordings.base.right.length} problems that were written by hand for this table: nothing was trained or chosen by them, and they are ` +
        `not in the repository (SHA-256 of the file: ${wordings.file.slice(0, 16)}…). One greedy answer and ${wordings.base.samples} sampled ` +
        'ones to each; differences from the base are paired by problem.',
      `\n${wordingsTable(wordings)}`,
    ]
    sections.push({ name: 'wordings', heading: 'Wordings written by hand', body: body.join('\n') })
  }
  return sections
}
