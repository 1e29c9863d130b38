import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { importRun } from '../../src/import/importRun.js'
import { TensorBoardWriter } from '../../src/io/tensorBoardWriter.js'
import { readMetrics } from '../../src/run/metricsFile.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

/** What PPOTrainer.train_step of OpenRLHF 0.11.2 logs, as its TensorboardLogger tags it: written by hand from its source. */
const logged = (step: number): Record<string, number> => ({
  'train/policy_loss': 0.5 / step,
  'train/actor_lr': 2 ** -10,
  'train/actor_grad_norm': 0.25,
  'train/kl': 0,
  'train/ppo_clip_ratio': 0,
  'train/vllm_kl': 0.125,
  'train/rollout/reward_mean': step / 8,
  'train/rollout/reward_std': 0.5,
  'train/rollout/response_length_mean': 10,
  'train/rollout/truncated_rate': 0.25,
  'train/timing/step_total': 4,
})

describe('importRun, of OpenRLHF', () => {
  const inFolder = useTemporaryFolder()

  it('reads the metrics of its event files, those of a resumed training last', async () => {
    const first = new TensorBoardWriter(inFolder('export/output/tensorboard/run'))
    for (const step of [1, 2, 3]) first.scalars(step, logged(step))
    first.scalars(3, { 'eval/pass1': 0.5 })
    first.close()
    const second = new TensorBoardWriter(inFolder('export/output/tensorboard/run'))
    for (const step of [3, 4]) second.scalars(step, { ...logged(step), 'train/policy_loss': 8 })
    second.close()
    // A writer that was killed.
    fs.appendFileSync(second.file, Buffer.alloc(5, 1))
    fs.copyFileSync(
      path.resolve(import.meta.dirname, '../fixtures/import/trl/config.yaml'),
      inFolder('export/config.yaml'),
    )
    const run = await importRun({ folder: inFolder('export'), output: inFolder('run') })
    const metrics = await readMetrics(run.folder)
    assert.deepEqual([run.engine, run.completions, run.hasAdapter], ['OpenRLHF', 0, false])
    assert.deepEqual(
      metrics.map(({ step, loss, reward }) => [step, loss, reward]),
      [
        [1, 0.5, 0.125],
        [2, 0.25, 0.25],
        [3, 8, 0.375],
        [4, 8, 0.5],
      ],
    )
    const [line] = metrics
    assert.equal(line!['completions/clipped_ratio'], 0.25)
    assert.equal(line!.vllm_kl, 0.125)
    assert.match(run.notes.join('\n'), /OpenRLHF keeps no completions.*\n.*trains all weights and saves no adapter/s)
  })
})
