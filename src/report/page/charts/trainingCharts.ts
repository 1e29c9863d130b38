import { lineChart, metricSeries } from './chart.js'
import type { Chart, LineOptions } from './chart.js'

/** A chart of given metrics. */
function metricChart(
  id: string,
  title: string,
  unit: string,
  explanation: string,
  missing: string,
  metrics: readonly (readonly [name: string, label: string])[],
  options: LineOptions = {},
): Chart {
  return lineChart({ id, title, unit, explanation, missing }, (run) => metricSeries(run, metrics), options)
}

export const trainingCharts: readonly Chart[] = [
  metricChart(
    'length',
    'Length of completions',
    'tokens',
    'Tokens of a completion, the end-of-sequence token included.',
    'no step has sampled yet',
    [
      ['completions/mean_length', 'Mean'],
      ['completions/max_length', 'Longest'],
      ['completions/min_length', 'Shortest'],
    ],
  ),
  metricChart(
    'truncated',
    'Cut-off completions',
    'share of completions',
    'Share of the completions that reached the token limit before they ended.',
    'no step has sampled yet',
    [['completions/clipped_ratio', 'Cut off']],
    { tickFormat: '.0%', lowest: 0 },
  ),
  metricChart(
    'entropy',
    'Entropy',
    'nats a token',
    'How undecided the model is about the next token. Near 0 it has stopped trying things out.',
    'no step has recorded the entropy',
    [['entropy', 'Entropy']],
  ),
  lineChart(
    {
      id: 'diversity',
      title: 'Diversity of a group',
      unit: 'share',
      explanation:
        'How much the completions of a group differ. Unique: the share of different texts among them. Distance: how little of their wording two completions share.',
      missing: 'no completions recorded',
    },
    (run) => [
      { ...run.stepSeries((step) => step.unique), label: 'Unique' },
      ...metricSeries(run, [['diversity/pairwise_distance', 'Distance']]),
    ],
    { tickFormat: '.0%', range: [0, 1.02] },
  ),
  metricChart(
    'kl',
    'KL divergence from the base',
    'nats a token',
    'How far training has moved the model from the base model, measured on its own completions.',
    'it is measured only with beta above 0',
    [['kl', 'KL']],
  ),
  metricChart(
    'gradient-norm',
    'Gradient norm',
    'norm',
    'Length of the gradient before clipping. Spikes are steps that pulled unusually hard.',
    'no step has been trained',
    [['grad_norm', 'Gradient norm']],
  ),
  metricChart(
    'loss',
    'Loss',
    'loss',
    'What was minimised. Its size depends on the loss type and on how advantages and lengths go together, not on what is learned: look at the reward to see progress.',
    'no step has been trained',
    [['loss', 'Loss']],
  ),
  metricChart(
    'learning-rate',
    'Learning rate',
    'learning rate',
    'The size of the steps as the schedule set it.',
    'no step has been trained',
    [['learning_rate', 'Learning rate']],
    // It is set, not measured: there is nothing to smooth.
    { tickFormat: '.1e', lowest: 0, isExact: true },
  ),
  metricChart(
    'clip-ratio',
    'Clipped tokens',
    'share of tokens',
    'Share of the tokens whose probability ratio to the sampling policy was clipped.',
    'the loss of this run clips nothing',
    [
      ['clip_ratio/low_mean', 'Below 1 − ε'],
      ['clip_ratio/high_mean', 'Above 1 + ε'],
    ],
    { tickFormat: '.1%', lowest: 0 },
  ),
  lineChart(
    {
      id: 'sampling-difference',
      title: 'Sampling against training',
      unit: 'nats',
      explanation:
        'Difference between the log-probability of a token when it was sampled and when it was trained on. It has to stay at rounding level; below the dotted lines on an engine that samples in other arithmetic than it trains; below 0.05 on average where a rollout engine samples.',
      missing: 'no step has recorded it',
    },
    (run) => [
      ...metricSeries(run, [
        ['sampling/sampling_logp_difference/max', 'Largest'],
        ['sampling/sampling_logp_difference/mean', 'Mean'],
      ]),
      ...metricSeries(run, [
        ['sampling/expected_logp_difference/max', 'Largest expected'],
        ['sampling/expected_logp_difference/mean', 'Mean expected'],
      ]).map((series) => ({ ...series, isBound: true })),
    ],
    { tickFormat: '.1e', lowest: 0 },
  ),
  metricChart(
    'sampling-ratio',
    'Correction for what samples',
    'ratio',
    'How much likelier the policy is to sample a token or a completion than what did sample it, as bounded. The loss is multiplied by it; 0 leaves out.',
    'the policy was sampled from as it is trained: there is nothing to correct',
    [
      ['sampling/importance_sampling_ratio/max', 'Largest'],
      ['sampling/importance_sampling_ratio/mean', 'Mean'],
      ['sampling/importance_sampling_ratio/min', 'Smallest'],
    ],
    { lowest: 0 },
  ),
  metricChart(
    'reasoning',
    'Reasoning',
    'in a completion',
    'Steps and self-corrections in a completion, recognised by their form.',
    'the run did not record it',
    [
      ['reasoning/steps', 'Steps'],
      ['reasoning/self_corrections', 'Self-corrections'],
    ],
    { lowest: 0 },
  ),
  metricChart(
    'calculations',
    'Calculations that come out',
    'share of calculations',
    'Of the calculations in the completions, such as 3 × 6 = 18, the share that is right.',
    'the completions hold no calculations',
    [['reasoning/correct_calculations', 'Right']],
    { tickFormat: '.0%', lowest: 0 },
  ),
  metricChart(
    'step-time',
    'Time of a step',
    'seconds',
    'Seconds of a step, and how many of them went into sampling.',
    'no step has ended',
    [
      ['step_time', 'Whole step'],
      ['sampling_time', 'Sampling'],
    ],
  ),
  metricChart(
    'speed',
    'Speed',
    'tokens a second',
    'Completion tokens of a step by its whole time.',
    'no step has ended',
    [['tokens_per_second', 'Tokens a second']],
  ),
]
