import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { parse } from 'yaml'
import { launchers } from '../../../src/export/launchers/launchers.js'
import { planOf } from '../exportFixture.js'

async function filesOf(name: string, processes: number): Promise<Readonly<Record<string, string>>> {
  const launcher = launchers.find((one) => one.name === name)!
  launcher.check(processes)
  return launcher.files(await planOf({}, processes))
}

describe('launchers', () => {
  it('fill machines of eight GPUs', async () => {
    const task = parse((await filesOf('sky', 16))['sky.yaml']!) as Record<string, unknown>
    assert.equal(task.num_nodes, 2)
    assert.deepEqual(task.resources, { accelerators: { H100: 8, 'A100-80GB': 8, H200: 8 }, disk_size: 256 })
    assert.match((await filesOf('slurm', 24))['slurm.sh']!, /--nodes=3\n.*\n#SBATCH --gpus-per-node=8\n/)
    assert.match((await filesOf('slurm', 3))['slurm.sh']!, /--nodes=1\n.*\n#SBATCH --gpus-per-node=3\n/)
    await assert.rejects(filesOf('slurm', 12), /--processes 12 does not fill machines of 8 GPUs/)
    await assert.rejects(filesOf('hf-jobs', 3), /machines of 1, 2, 4, 8 GPUs.*got --processes 3/)
    assert.match((await filesOf('hf-jobs', 4))['hf-jobs.sh']!, /h200x4/)
  })

  it('are shell scripts that bash can read', async () => {
    for (const { name } of launchers) {
      for (const [file, text] of Object.entries(await filesOf(name, 8))) {
        if (!file.endsWith('.sh')) continue
        const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' })
        assert.equal(status, 0, `${file}: ${stderr}`)
      }
    }
  })
})
