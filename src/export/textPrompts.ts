import { ConfigError } from '../errors.js'
import { quote } from '../io/json.js'
import type { ExportPlan } from './exportPlan.js'

/**
 * [problems] Texts of which an engine that tokenizes plain text, special tokens read, makes the tokens of our prompts. Where the
 * tokenizer adds a BOS token in front by itself (`addSpecialTokens`, as TRL has it), that of the chat template is left out of the
 * text: there would be two. Where none is added (OpenRLHF), one that our prompt begins with is written into the text.
 *
 * Throws a ConfigError for prompts that no text gives, such as questions that hold the spelling of a special token.
 */
export function textPrompts(
  { prompts, task, tokenizer }: Pick<ExportPlan, 'prompts' | 'task' | 'tokenizer'>,
  { addSpecialTokens = true }: { addSpecialTokens?: boolean } = {},
): string[] {
  const bos = tokenizer.bosTokenId === undefined ? undefined : tokenizer.idToToken(tokenizer.bosTokenId)
  const variantsOf = (text: string): string[] => {
    if (bos === undefined) return [text]
    if (!addSpecialTokens) return [text, bos + text]
    return text.startsWith(bos) ? [text, text.slice(bos.length)] : [text]
  }
  const bad: string[] = []
  const texts = prompts.map(({ text, ids }, i) => {
    const found = variantsOf(text).find((variant) => {
      const theirs = tokenizer.encode(variant, { addSpecialTokens, allowSpecialTokens: true })
      return theirs.length === ids.length && theirs.every((id, k) => id === ids[k])
    })
    if (found === undefined) bad.push(task.problems[i]!.id)
    return found ?? text
  })
  if (bad.length === 0) return texts
  throw new ConfigError(
    `the prompts of ${bad.length} of ${prompts.length} problems cannot be handed over as text, the first is ${quote(bad[0])}: tokenized ` +
      'again they are other tokens than here, as where a question holds the spelling of a special token; leave these problems out',
  )
}
