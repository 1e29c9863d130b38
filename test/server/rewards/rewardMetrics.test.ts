import assert from 'node:assert/strict'
import { RewardMetrics } from '../../../src/server/rewards/rewardMetrics.js'

/** The families of a page in Prometheus' text format. Fails for what its rules do not allow. */
function parsePage(page: string): Map<string, { type: string; samples: Map<string, number> }> {
  assert.ok(page.endsWith('\n'))
  const families = new Map<string, { type: string; samples: Map<string, number> }>()
  let family = ''
  for (const line of page.split('\n').slice(0, -1)) {
    const [, keyword, name, rest] = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line) ?? []
    if (keyword === 'HELP') {
      assert.ok(!families.has(name!), `${name} is there twice`)
      family = name!
      families.set(family, { type: '', samples: new Map() })
    } else if (keyword === 'TYPE') {
      assert.equal(name, family)
      assert.match(rest!, /^(counter|gauge|histogram)$/)
      families.get(family)!.type = rest!
    } else {
      const [, sample, labels = '', value] =
        /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*",?)*)\})? (\S+)$/.exec(line) ?? []
      assert.ok(sample !== undefined && value !== undefined, line)
      const { type, samples } = families.get(family)!
      assert.match(sample.slice(family.length), type === 'histogram' ? /^_(bucket|sum|count)$/ : /^$/)
      assert.ok(sample.startsWith(family))
      if (type === 'counter') assert.match(family, /_total$/)
      const key = `${sample}{${labels}}`
      assert.ok(!samples.has(key), `${key} is there twice`)
      assert.ok(Number.isFinite(Number(value)), line)
      samples.set(key, Number(value))
    }
  }
  return families
}

describe('server/rewards/rewardMetrics', () => {
  const request = { method: 'POST', bytes: 1, error: null }
  const gauges = { completions: 3, workers: 2, lost: 1 }

  it('writes what the rules of the text format allow', () => {
    const metrics = new RewardMetrics(['correctness', 'my "own"\\\n'])
    parsePage(metrics.page(gauges))
    metrics.countRequest({ ...request, path: '/v1/rewards', status: 200, milliseconds: 7 })
    metrics.countRequest({ ...request, path: '/v1/rewards', status: 200, milliseconds: 70 })
    metrics.countRequest({ ...request, path: '/v1/rewards', status: 400, milliseconds: 1e6 })
    metrics.countRequest({ ...request, path: 'other', status: 404, milliseconds: 0.01 })
    metrics.countOutcomes([
      [{ value: 1 }, { value: null, error: 'no', isTimeout: false }],
      [{ value: null }, { value: null, error: 'slow', isTimeout: true }],
    ])
    const families = parsePage(metrics.page(gauges))
    const value = (family: string, sample = '{}'): number | undefined => {
      const { samples } = families.get(family)!
      return samples.get(sample.startsWith('{') ? family + sample : sample)
    }
    assert.equal(value('grpo_ts_rewards_requests_total', '{path="/v1/rewards",status="200"}'), 2)
    assert.equal(value('grpo_ts_rewards_requests_total', '{path="other",status="404"}'), 1)
    assert.equal(value('grpo_ts_rewards_completions_scored_total'), 2)
    assert.equal(value('grpo_ts_rewards_completions_unjudged_total'), 1)
    assert.equal(value('grpo_ts_rewards_reward_errors_total', '{reward="my \\"own\\"\\\\\\n"}'), 1)
    assert.equal(value('grpo_ts_rewards_reward_timeouts_total', '{reward="my \\"own\\"\\\\\\n"}'), 1)
    assert.equal(value('grpo_ts_rewards_reward_errors_total', '{reward="correctness"}'), 0)
    assert.equal(value('grpo_ts_rewards_queued_completions'), 3)
    assert.equal(value('grpo_ts_rewards_workers'), 2)
    assert.equal(value('grpo_ts_rewards_workers_lost_total'), 1)
    assert.ok(value('process_resident_memory_bytes')! > 1e6)
    const histogram = families.get('grpo_ts_rewards_request_duration_seconds')!.samples
    const buckets = [...histogram].filter(([name]) => name.includes('_bucket{path="/v1/rewards"'))
    assert.deepEqual(
      buckets.map(([, count]) => count),
      [0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3],
    )
    assert.match(buckets.at(-1)![0], /le="\+Inf"/)
    assert.equal(histogram.get('grpo_ts_rewards_request_duration_seconds_count{path="/v1/rewards"}'), 3)
    assert.equal(histogram.get('grpo_ts_rewards_request_duration_seconds_sum{path="/v1/rewards"}'), 1000.077)
  })
})
