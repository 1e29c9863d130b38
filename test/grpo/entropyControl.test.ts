import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { parseGRPOConfig } from '../../src/grpo/config/config.js'
import {
  appliedEntropyCoef,
  entropyTotals,
  initialEntropyControl,
  updateEntropyControl,
} from '../../src/grpo/losses/entropyControl.js'

describe('grpo/losses/entropyControl', () => {
  const adaptive = parseGRPOConfig({
    entropyCoef: 0.01,
    useAdaptiveEntropy: true,
    entropyTarget: 1,
    entropyCoefDelta: 0.004,
    entropyCoefMax: 0.012,
    entropyCoefMin: 0.002,
  })

  it('keeps a fixed coefficient', () => {
    const config = parseGRPOConfig({ entropyCoef: 0.01 })
    const control = initialEntropyControl(config)
    assert.equal(appliedEntropyCoef(control, config), 0.01)
    assert.deepEqual(updateEntropyControl(control, 0, config), control)
  })

  it('applies no bonus in the first step, and later only while the last entropy was at most the target', () => {
    const first = initialEntropyControl(adaptive)
    assert.equal(appliedEntropyCoef(first, adaptive), 0)
    assert.equal(appliedEntropyCoef(updateEntropyControl(first, 1, adaptive), adaptive), 0.012)
    assert.equal(appliedEntropyCoef(updateEntropyControl(first, 1.001, adaptive), adaptive), 0)
  })

  it('moves the coefficient by its step within the bounds', () => {
    const coefficients: number[] = []
    let control = initialEntropyControl(adaptive)
    for (const entropy of [2, 2, 2, 0.5, 0.5, 0.5, 0.5]) {
      control = updateEntropyControl(control, entropy, adaptive)
      coefficients.push(Number(control.entropyCoef.toFixed(6)))
    }
    assert.deepEqual(coefficients, [0.006, 0.002, 0.002, 0.006, 0.01, 0.012, 0.012])
  })

  it('is plain JSON', () => {
    const control = updateEntropyControl(initialEntropyControl(adaptive), 0.3, adaptive)
    assert.deepEqual(JSON.parse(JSON.stringify(control)), control)
  })

  it('adds up entropies of unmasked tokens, of those only the highest ones', () => {
    const entropies = [4, 1, 3, 9, 2]
    const mask = [1, 1, 1, 0, 1]
    assert.deepEqual(entropyTotals(entropies, mask, 1), { sum: 10, count: 4 })
    assert.deepEqual(entropyTotals(entropies, mask, 0.5), { sum: 7, count: 2 })
    assert.deepEqual(entropyTotals(entropies, mask, 0), { sum: 4, count: 1 })
    assert.deepEqual(entropyTotals(entropies, [0, 0, 0, 0, 0], 0.5), { sum: 0, count: 0 })
  })

  it('keeps a token that the quantile hits exactly, as torch does in f32', () => {
    const entropies = Array.from({ length: 46 }, (_, i) => 0.1 * i)
    const mask = entropies.map(() => 1)
    assert.equal(entropyTotals(entropies, mask, 0.8).count, 37)
    assert.equal(entropyTotals(entropies, mask, 0.2).count, 10)
    // In f64 (1 - 0.7) · 10 is a little more than 3.
    assert.equal(entropyTotals(entropies.slice(0, 11), mask, 0.7).count, 8)
  })

  it('keeps as many tokens as torch.quantile does in f32, whatever their number', () => {
    const file = path.join(import.meta.dirname, '../fixtures/quantile/quantiles.json')
    const { quantiles, kept } = JSON.parse(fs.readFileSync(file, 'utf8')) as {
      quantiles: number[]
      kept: Record<string, number[]>
    }
    for (const [size, expected] of Object.entries(kept)) {
      // As test/fixtures/quantile/make.py makes them.
      let state = Number(size)
      const entropies = Float32Array.from({ length: Number(size) }, (_, i) => {
        state = (Math.imul(1664525, state) + 1013904223) >>> 0
        const value = (state / 2 ** 32) * 6
        return i % 4 === 0 ? Math.round(value * 2) / 2 : value
      })
      const mask = entropies.map(() => 1)
      const actual = quantiles.map((quantile) => entropyTotals(entropies, mask, quantile).count)
      assert.deepEqual(actual, expected, `${size} tokens`)
    }
  })
})
