import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { overBudget, readBudget, writeBudget } from '../../../bench/aot/budget.js'
import type { ProgramFigures } from '../../../bench/aot/budget.js'
import { checkedNames, compiledModel } from '../../../bench/aot/models.js'
import { checkedPrograms, checkedSizes, modelProgram } from '../../../bench/aot/programs.js'

const figures: ProgramFigures = {
  textBytes: 40_000,
  compileSeconds: 4,
  argumentMB: 1400,
  outputMB: 0.1,
  aliasedMB: 400,
  temporaryMB: 50,
  kernels: 600,
  layerKernels: 24,
  layerMovedMB: 0.5,
  layerWidenedMB: 200,
  largestWidenedMB: 100,
  largeCopies: 0,
}

describe('the budget of compiled programs', () => {
  it('lets pass what is as it was, a little more, or less', () => {
    assert.deepEqual(overBudget(figures, figures), [])
    const little = { ...figures, temporaryMB: 53, compileSeconds: 20, layerKernels: 25, textBytes: 44_000 }
    assert.deepEqual(overBudget(little, figures), [])
    assert.deepEqual(overBudget({ ...figures, temporaryMB: 5, kernels: 1, aliasedMB: 800 }, figures), [])
  })

  it('names what is over it', () => {
    const worse = {
      ...figures,
      temporaryMB: 840,
      largeCopies: 2,
      aliasedMB: 0,
      layerMovedMB: 48,
      layerKernels: null,
      largestWidenedMB: 788,
    }
    assert.deepEqual(overBudget(worse, figures), [
      '0 MB of arguments that results take the place of, budget 400',
      '840 MB of temporaries, budget 50',
      'kernels of a layer are not known, budget 24',
      '48 MB that a layer only copies, budget 0.5',
      '788 MB of the largest array that is computed from codes and written, budget 100',
      '2 copies as large as the cache or the inputs of all layers, budget 0',
    ])
  })

  it('keeps what another run wrote', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-budget-'))
    try {
      const file = path.join(folder, 'budget.json')
      assert.deepEqual(readBudget(file), { compiler: '', cards: {} })
      writeBudget(file, 'a plugin 1', { H200: { decode: figures, merge: figures } })
      writeBudget(file, 'a plugin 2', { A100: { decode: figures }, H200: { decode: { ...figures, kernels: 7 } } })
      assert.deepEqual(readBudget(file), {
        compiler: 'a plugin 2',
        cards: { A100: { decode: figures }, H200: { decode: { ...figures, kernels: 7 }, merge: figures } },
      })
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
  })

  it('holds the texts of all programs', () => {
    const { cards } = readBudget(path.resolve(import.meta.dirname, '../../../bench/aot/budget.json'))
    assert.ok(Object.keys(cards).length >= 3)
    for (const [card, programs] of Object.entries(cards)) {
      for (const model of checkedNames) {
        for (const name of checkedPrograms(compiledModel(model))) {
          const budgeted = programs[`${model} ${name}`]
          assert.ok(budgeted, `${card}: ${model} ${name}`)
          const { text } = modelProgram(name, compiledModel(model), checkedSizes, 80e9)
          assert.deepEqual(overBudget({ ...budgeted, textBytes: Buffer.byteLength(text) }, budgeted), [])
        }
      }
    }
  })
})
