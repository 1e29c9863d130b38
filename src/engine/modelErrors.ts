/** What every engine says of a model that cannot do what it is asked for. */
import { ConfigError, EngineError } from '../errors.js'

/** The model was disposed. */
export function disposedModel(): EngineError {
  return new EngineError('the model was disposed and computes no more; load it again, or dispose it at the end')
}

/** Nothing of the model is trained. */
export function nothingTrained(): ConfigError {
  return new ConfigError(
    'there is nothing to differentiate by; make a policy with model.withLora() or model.trainable()',
  )
}

/** A sequence has more tokens than the model has positions. */
export function tooLongSequence(length: number, maxPositions: number): ConfigError {
  return new ConfigError(
    `a sequence of ${length} tokens is longer than the ${maxPositions} positions of the model; ` +
      'shorten the prompt or maxCompletionLength',
  )
}
