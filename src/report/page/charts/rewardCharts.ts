import { formatNumber, formatShare } from '../format.js'
import type { Run } from '../run.js'
import { band, describe, lineChart, lines, metricSeries } from './chart.js'
import type { Chart, Drawing, LabelledSeries } from './chart.js'
import { sequentialColors } from './palette.js'
import type { Palette } from './palette.js'
import { smoothed, thinned } from './series.js'
import { runFileNames } from '../../../run/fileNames.js'

const rewardChart: Chart = {
  id: 'reward',
  title: 'Reward',
  explanation:
    'Mean reward of the completions of a step. The band reaches from the worst to the best completion of a group, on average over the groups.',
  unit: 'reward',
  missing: 'no step has a reward yet',
  draw: (run, palette) => {
    const reward = { ...run.series('reward'), label: 'Mean reward' }
    if (reward.steps.length === 0) return null
    const recorded = { worst: run.series('reward/worst'), best: run.series('reward/best') }
    const worst = recorded.worst.steps.length > 0 ? recorded.worst : run.stepSeries((step) => step.worst)
    const best = recorded.best.steps.length > 0 ? recorded.best : run.stepSeries((step) => step.best)
    const columns: LabelledSeries[] = [
      reward,
      ...(worst.steps.length > 0
        ? [
            { ...best, label: 'Best' },
            { ...worst, label: 'Worst' },
          ]
        : []),
    ]
    const color = palette.series[0]!
    return {
      traces: [...(worst.steps.length > 0 ? band(worst, best, 'worst to best', color) : []), ...lines(reward, color)],
      summary: columns.map(describe).join(' '),
      columns,
    }
  },
}

const componentChart = lineChart(
  {
    id: 'reward-components',
    title: 'Reward by function',
    explanation: 'Mean of each reward function, before its weight.',
    unit: 'reward',
    missing: 'no step has rewards yet',
  },
  (run) =>
    metricSeries(
      run,
      run
        .metricNames()
        .flatMap((name) => /^rewards\/(.+)\/mean$/.exec(name)?.slice(1) ?? [])
        .slice(0, 6)
        .map((name) => [`rewards/${name}/mean`, name]),
    ),
)

const distributionChart: Chart = {
  id: 'reward-distribution',
  title: 'Distribution of rewards',
  explanation: 'Share of the completions of a step that earned each reward: blue is high, red is low.',
  unit: 'share of completions',
  missing: `${runFileNames.completions} holds no rewards`,
  draw: drawDistribution,
}

function drawDistribution(run: Run, palette: Palette): Drawing | null {
  const bins = rewardBins(run)
  if (bins.length === 0) return null
  const columns = bins.map((bin): LabelledSeries => ({
    label: bin.label,
    ...run.stepSeries(({ counts }) => {
      const total = counts.reduce((sum, [, count]) => sum + count, 0)
      const inside = counts.reduce((sum, [reward, count]) => sum + (bin.holds(reward) ? count : 0), 0)
      return total === 0 ? null : inside / total
    }),
  }))
  const color = (i: number): string =>
    sequentialColors[bins.length === 1 ? 6 : Math.round((i * (sequentialColors.length - 1)) / (bins.length - 1))]!
  return {
    traces: columns.map((series, i) => {
      const { steps, values } = thinned(smoothed(series) ?? series)
      return {
        type: 'scatter',
        mode: 'lines',
        x: steps,
        y: values,
        name: series.label,
        stackgroup: 'rewards',
        line: { color: palette.surface, width: 0.5 },
        fillcolor: color(i),
        hovertemplate: '%{y:.0%}',
      }
    }),
    summary: columns
      .map((series) => {
        const [first, last] = [series.values[0] ?? null, series.values.at(-1) ?? null]
        return `Reward ${series.label}: ${formatShare(first)} of the first step, ${formatShare(last)} of the last.`
      })
      .join(' '),
    columns,
    tickFormat: '.0%',
    range: [0, 1],
  }
}

interface Bin {
  readonly label: string
  readonly holds: (reward: number) => boolean
}

/** One bin a value when there are few values, else eight equal ones from the lowest to the highest reward. */
function rewardBins(run: Run): Bin[] {
  const most = sequentialColors.length
  const values = [...new Set(run.steps.flatMap(({ counts }) => counts.map(([reward]) => reward)))].sort((a, b) => a - b)
  if (values.length <= most) {
    return values.map((value) => ({ label: String(value), holds: (reward) => reward === value }))
  }
  const low = values[0]!
  const width = (values.at(-1)! - low) / most
  return Array.from({ length: most }, (_, i) => ({
    label: `${formatNumber(low + i * width)} to ${formatNumber(low + (i + 1) * width)}`,
    holds: (reward) => Math.min(most - 1, Math.floor((reward - low) / width)) === i,
  }))
}

const zeroVarianceChart = lineChart(
  {
    id: 'zero-variance',
    title: 'Groups without spread',
    explanation:
      'Share of the groups whose completions all earned the same reward. Such a group teaches nothing: near 1 the task is too easy or too hard.',
    unit: 'share of groups',
    missing: 'no step has rewards yet',
  },
  (run) => {
    const split = metricSeries(run, [
      ['groups/all_right', 'All right'],
      ['groups/all_wrong', 'All wrong'],
    ])
    const recorded = metricSeries(run, [['frac_reward_zero_std', 'Rewards all equal']])
    const own = { ...run.stepSeries((step) => step.zeroVariance), label: 'Rewards all equal' }
    return [...(recorded.length > 0 ? recorded : [own]), ...split]
  },
  { tickFormat: '.0%', range: [0, 1] },
)

export const rewardCharts: readonly Chart[] = [rewardChart, componentChart, distributionChart, zeroVarianceChart]
