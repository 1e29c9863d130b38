import { describePValue } from '../eval/pValue.js'
import { decodings } from '../run/evaluation.js'
import type { Decoding, DecodingResult, Estimate, Evaluation, PairedResult } from '../run/evaluation.js'
import { cardPolicies, describeDecoding, pairedResult } from './results.js'
import type { CardPolicies } from './results.js'

/** The results of all policies as tables in Markdown, one for each way of decoding, with what they show in words. */
export function resultTables(evaluation: Evaluation, policies: CardPolicies): string {
  const tables = decodings.filter((decoding) => policies.trained[decoding] !== null)
  return tables.map((decoding) => resultTable(evaluation, policies, decoding)).join('\n\n')
}

function resultTable(evaluation: Evaluation, { base, trained, placebo }: CardPolicies, decoding: Decoding): string {
  const { settings, problems } = evaluation
  const columns = [base, trained, placebo].filter((policy) => policy?.[decoding] != null).map((policy) => policy!)
  const paired = base && pairedResult(evaluation, base, trained, decoding)
  const row = (
    label: string,
    of: (result: DecodingResult) => string | null,
    difference: (paired: PairedResult) => string | null = () => null,
  ): string[] | null => {
    const cells = columns.map((policy) => of(policy[decoding]!))
    if (cells.every((cell) => cell === null)) return null
    return [label, ...cells.map((cell) => cell ?? ''), ...(paired ? [difference(paired) ?? ''] : [])]
  }
  const passes = columns[0]![decoding]!.passAtK.map(({ k }) => k).filter((k) => k > 1)
  const rows = [
    row(
      'right, in the form asked for (strict)',
      ({ accuracy }) => shareText(accuracy),
      ({ strict }) => `${pointsText(strict.difference)}, ${describePValue(strict.pValue)} (${strict.test})`,
    ),
    row(
      'right, in whatever form (lenient)',
      ({ accuracyLenient }) => shareText(accuracyLenient),
      ({ lenient }) => `${pointsText(lenient.difference)}, ${describePValue(lenient.pValue)} (${lenient.test})`,
    ),
    ...passes.map((k) =>
      row(
        `pass@${k} (strict)`,
        ({ passAtK }) => shareOrNull(passAtK.find((one) => one.k === k)?.strict),
        ({ passAtK }) => {
          const difference = passAtK.find((one) => one.k === k)?.difference
          return difference ? pointsText(difference) : null
        },
      ),
    ),
    row('most frequent answer is right', ({ majority }) => shareOrNull(majority?.accuracy)),
    row(`cut off at ${settings.maxCompletionLength} tokens`, ({ truncated }) => shareText(truncated)),
    row(
      'tokens of a completion, mean',
      ({ meanTokens }) => numberText(meanTokens),
      ({ meanTokens }) => numberText(meanTokens, true),
    ),
  ].filter((cells) => cells !== null)
  const heading = ['', ...columns.map(({ name }) => name), ...(paired ? [`${trained.name} − ${base.name}`] : [])]
  return `**${sentenceCase(describeDecoding(evaluation, decoding))}**, n = ${problems.length} problems:\n\n${markdownTable(heading, rows)}`
}

/** What the placebo shows about where a gain comes from; only what was measured. */
export function placeboText(evaluation: Evaluation, policies: CardPolicies): string {
  const { placebo, trained, base } = policies
  if (placebo === null) {
    return (
      'No placebo was trained (the same training with random rewards), so it was not measured how much of a change comes from ' +
      'training as such and how much from the rewards.'
    )
  }
  const lines = decodings.flatMap((decoding) => {
    const against = base && pairedResult(evaluation, base, placebo, decoding)
    const own =
      pairedResult(evaluation, placebo, trained, decoding) ??
      reversed(pairedResult(evaluation, trained, placebo, decoding))
    return [
      ...(against ? [`placebo − ${base.name} ${pointsText(against.strict.difference)}`] : []),
      ...(own
        ? [`${trained.name} − placebo ${pointsText(own.strict.difference)}, ${describePValue(own.strict.pValue)}`]
        : []),
    ].map((text) => `- ${describeDecoding(evaluation, decoding)}, strict: ${text}`)
  })
  return `The placebo is the same training with random rewards: what it gains, training gains by itself.\n\n${lines.join('\n')}`
}

function reversed(paired: PairedResult | null): PairedResult | null {
  if (paired === null) return null
  const { value, low, high } = paired.strict.difference
  const difference = { value: -value, low: high === null ? null : -high, high: low === null ? null : -low }
  return { ...paired, strict: { ...paired.strict, difference } }
}

/** The strict accuracies in a sentence; null without an evaluation of the adapter. */
export function headline(evaluation: Evaluation): string | null {
  const policies = cardPolicies(evaluation)
  if (!policies) return null
  const { base, trained } = policies
  const decoding = trained.greedy ? 'greedy' : 'sampled'
  const after = trained[decoding]
  if (!after) return null
  const before = base?.[decoding]
  const how = `${evaluation.task}, ${describeDecoding(evaluation, decoding)}, n = ${evaluation.problems.length}`
  const values = before
    ? `${shareText(before.accuracy)} before and ${shareText(after.accuracy)} after training`
    : shareText(after.accuracy)
  return `Right in the form asked for: ${values} (${how}).`
}

/** `45.5 % [36.0, 55.3]` */
export function shareText({ value, low, high }: Estimate): string {
  const percent = (share: number): string => (100 * share).toFixed(1)
  return `${percent(value)} %${low === null || high === null ? '' : ` [${percent(low)}, ${percent(high)}]`}`
}

function shareOrNull(estimate: Estimate | undefined): string | null {
  return estimate ? shareText(estimate) : null
}

/** `+12.0 points [3.1, 20.9]` */
function pointsText({ value, low, high }: Estimate): string {
  const points = (share: number): string => `${share > 0 ? '+' : ''}${(100 * share).toFixed(1)}`
  return `${points(value)} points${low === null || high === null ? '' : ` [${points(low)}, ${points(high)}]`}`
}

function numberText({ value, low, high }: Estimate, isDifference = false): string {
  const sign = (number: number): string => `${isDifference && number > 0 ? '+' : ''}${number.toFixed(1)}`
  return `${sign(value)}${low === null || high === null ? '' : ` [${sign(low)}, ${sign(high)}]`}`
}

/** A table in Markdown; vertical bars in cells are escaped. */
export function markdownTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(heading), line(heading.map(() => '---')), ...rows.map(line)].join('\n')
}

function sentenceCase(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
