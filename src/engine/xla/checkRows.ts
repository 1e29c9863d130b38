import { ConfigError, ShapeError } from '../../errors.js'
import type { ModelConfig } from '../../model/config.js'
import { checkTokenIds } from '../../ops/embed.js'
import type { EngineRow, TokenIds } from '../engine.js'
import { tooLongSequence } from '../modelErrors.js'

type Limits = Pick<ModelConfig, 'vocabularySize' | 'maxPositions'>

/**
 * Throws for rows that a program would compute something for that means nothing: a ShapeError for a prompt without tokens and for
 * tokens outside the vocabulary, a ConfigError for a row that is longer than the model, and for a temperature that is not positive.
 */
export function checkRows(config: Limits, rows: readonly EngineRow[], temperature: number): void {
  if (!(temperature > 0)) throw new ConfigError(`temperature is ${temperature}; expected a positive number`)
  for (const { promptIds, completionIds } of rows) {
    checkPrompt(config, promptIds, completionIds.length)
    checkTokenIds(completionIds, config.vocabularySize)
  }
}

/** As {@link checkRows}, of a prompt and as many tokens behind it. */
export function checkPrompt(config: Limits, promptIds: TokenIds, completionLength: number): void {
  if (promptIds.length === 0) throw new ShapeError('a prompt has no tokens; expected at least one')
  checkTokenIds(promptIds, config.vocabularySize)
  // The last token of a completion is never fed back.
  const length = promptIds.length + Math.max(0, completionLength - 1)
  if (length <= config.maxPositions) return
  throw tooLongSequence(length, config.maxPositions)
}
