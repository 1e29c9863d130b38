import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { pythonWith } from '../../python.js'

/** What train.py imports; the process group's end never comes, as gloo's may not. */
const modules = {
  'torch/__init__.py': '',
  'torch/distributed.py': `
import time

class Group:
    def __del__(self):
        print("destroyed", flush=True)
        time.sleep(600)

class group:
    WORLD = Group()
`,
  'trl/__init__.py': '',
  'trl/scripts/__init__.py': '',
  'trl/scripts/grpo.py': `
import atexit, sys, threading, time
import torch.distributed

class Parser:
    def parse_args_and_config(self, fail_with_unknown_args):
        return sys.argv[1:]

def make_parser():
    return Parser()

def main(outcome):
    held = torch.distributed.group.WORLD
    torch.distributed.group.WORLD = None
    atexit.register(lambda: print("last words"))
    threading.Thread(target=lambda: (time.sleep(0.2), print("uploaded"))).start()
    print("trained")
    if outcome == "fails":
        raise ValueError("no such column")
`,
}

describe('train.py of an export to TRL', () => {
  const at = useTemporaryFolder()

  function train(context: Mocha.Context, outcome: string): { status: number | null; stdout: string; stderr: string } {
    for (const [name, text] of Object.entries(modules)) {
      fs.mkdirSync(path.dirname(at(name)), { recursive: true })
      fs.writeFileSync(at(name), text)
    }
    fs.copyFileSync(new URL('../../../src/export/trl/train.py', import.meta.url), at('train.py'))
    return spawnSync(pythonWith(context), [at('train.py'), outcome], { encoding: 'utf8', timeout: 20_000 })
  }

  it('ends when what was begun has ended, and waits for no destructor', function () {
    const { status, stdout, stderr } = train(this, 'ends')
    assert.equal(stderr, '')
    assert.equal(stdout, 'trained\nuploaded\nlast words\n')
    assert.equal(status, 0)
  })

  it('ends with 1 and the traceback when the training fails', function () {
    const { status, stdout, stderr } = train(this, 'fails')
    assert.match(stderr, /^Traceback[^]*ValueError: no such column\n$/)
    assert.equal(stdout, 'trained\nuploaded\nlast words\n')
    assert.equal(status, 1)
  })
})
