import { ConfigError } from '../errors.js'
import { quote } from '../io/json.js'
import type { ExportPlan } from './exportPlan.js'

/**
 * [problems] Texts of which an engine that tokenizes plain text, special tokens added and read, makes the tokens of our prompts. Where
 * the tokenizer puts a BOS token in front by itself, that of the chat template is left out of the text: there would be two.
 *
 * Throws a ConfigError for prompts that no text gives, such as questions that hold the spelling of a special token.
 */
export function textPrompts({
  prompts,
  task,
  tokenizer,
}: Pick<ExportPlan, 'prompts' | 'task' | 'tokenizer'>): string[] {
  const bos = tokenizer.bosTokenId === undefined ? undefined : tokenizer.idToToken(tokenizer.bosTokenId)
  const bad: string[] = []
  const texts = prompts.map(({ text, ids }, i) => {
    const variants = bos !== undefined && text.startsWith(bos) ? [text, text.slice(bos.length)] : [text]
    const found = variants.find((variant) => {
      const theirs = tokenizer.encode(variant, { addSpecialTokens: true, allowSpecialTokens: true })
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
