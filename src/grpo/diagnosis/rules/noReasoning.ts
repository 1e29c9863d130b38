import { mean } from '../../metrics/statistics.js'
import { percent, short } from '../../../io/units.js'
import type { DiagnosisConfig, Rule } from '../finding.js'
import { change } from '../metricHistory.js'

/** Steps at either end of the run that are compared. */
const STEPS = 5

/** Below one step of reasoning in two completions most answers come without any. */
const FEW = 0.5

/** Reasoning that was there and went to less than half. */
const LOST = 0.5

/** A model that never reasoned gets so many training steps to find out that it pays. */
const STEPS_TO_BEGIN = 20

/** Who is right that often need not reason. */
const MOSTLY_RIGHT = 0.8

/** A share of cut off completions, at its highest, that can have driven reasoning out. */
const CUT_OFF = 0.1

/** Completions hold (hardly) any steps of reasoning: it was driven out, or the model never began. */
export const noReasoning: Rule = (history, config) => {
  const ends = history.ends('reasoning/steps', STEPS)
  if (!ends) return []
  const steps = change(ends)
  const isLost = steps.to < LOST * steps.from && steps.by < -2 * steps.standardError
  const neverBegan = history.all('reasoning/steps').length >= STEPS_TO_BEGIN && steps.by <= 2 * steps.standardError
  if (steps.to >= FEW || !(isLost || neverBegan)) return []
  const accuracy = history.recent('accuracy', STEPS)
  if (!accuracy || mean(accuracy) >= MOSTLY_RIGHT) return []
  const clipped = history.all('completions/clipped_ratio').reduce((most, share) => Math.max(most, share), 0)
  const wasCutOff = isLost && clipped >= CUT_OFF
  return [
    {
      name: 'no_reasoning',
      subject: null,
      severity: 'warning',
      message:
        `a completion holds ${short(steps.to)} steps of reasoning (${short(steps.from)} at the start), and ${percent(mean(accuracy))} are right` +
        (wasCutOff
          ? `: up to ${percent(clipped)} were cut off at ${config.maxCompletionLength} tokens before an answer, so reasoning did not pay`
          : ''),
      evidence: {
        'reasoning/steps': steps.to,
        'reasoning/steps at the start': steps.from,
        accuracy: mean(accuracy),
        'largest completions/clipped_ratio': clipped,
      },
      advice: wasCutOff
        ? `go back to a checkpoint before it was lost, with maxCompletionLength ${2 * config.maxCompletionLength} or more`
        : adviceWithoutCutOff(config, isLost),
    },
  ]
}

function adviceWithoutCutOff({ temperature }: DiagnosisConfig, isLost: boolean): string {
  if (isLost)
    return 'go back to a checkpoint before it was lost, with a lower learningRate, and read what was paid then'
  if (temperature < 0.7)
    return `sample with temperature 1: at ${short(temperature)} reasoning that is rare is never tried`
  return 'show worked examples in the prompt (shots), or take a model that reasons now and then'
}
