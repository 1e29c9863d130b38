import assert from 'node:assert/strict'
import fs from 'node:fs'
import { describeCards, gpuUse } from '../../../src/xla/setup/gpuUse.js'
import type { GpuFacts } from '../../../src/xla/setup/gpuUse.js'
import { cudaFor, deviceFor, isAtLeast, readGraphics } from '../../../src/xla/setup/graphics.js'
import type { Graphics } from '../../../src/xla/setup/graphics.js'
import type { InstalledPlugin } from '../../../src/xla/setup/installed.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import type { DeviceKind } from '../../../src/xla/devices.js'

const none: Graphics = {
  hasNvidiaCard: false,
  nvidiaDriver: null,
  nvidiaCards: [],
  hasCudaLibrary: false,
  hasAmdDriver: false,
  isContainer: false,
}
const card = { name: 'NVIDIA GeForce RTX 4090', memory: '24564 MiB', computeCapability: 8.9 }
const working: Graphics = {
  ...none,
  hasNvidiaCard: true,
  nvidiaDriver: '580.65.06',
  nvidiaCards: [card],
  hasCudaLibrary: true,
}
const plugin = (device: DeviceKind | null): InstalledPlugin => ({
  device,
  name: `p-${device}`,
  version: '1',
  file: '/p.so',
  libraries: [],
})

const facts = (graphics: Partial<Graphics>, rest: Partial<GpuFacts> = {}): GpuFacts => ({
  graphics: { ...working, ...graphics },
  plugins: [plugin('cuda13'), plugin('cpu')],
  addonProblem: null,
  platform: 'linux',
  architecture: 'x64',
  visibleDevices: null,
  ...rest,
})

describe('xla/setup/gpuUse', () => {
  it('says by what a GPU can be used', () => {
    assert.deepEqual(gpuUse(facts({})), { device: 'cuda13', finding: 'can be used by p-cuda13 1' })
    const older = facts({ nvidiaDriver: '550.54.14' }, { plugins: [plugin('cuda12')] })
    assert.deepEqual(gpuUse(older), { device: 'cuda12', finding: 'can be used by p-cuda12 1' })
    // A newer driver runs the older CUDA too.
    assert.equal(gpuUse(facts({}, { plugins: [plugin('cuda12')] })).device, 'cuda12')
    assert.equal(gpuUse(facts({}, { plugins: [plugin(null)] })).device, 'cuda13')
    const amd = { ...none, hasAmdDriver: true }
    assert.equal(gpuUse(facts(amd, { plugins: [plugin('rocm')] })).device, 'rocm')
  })

  for (const [what, given, finding] of [
    ['there is no card', facts(none), /^none found$/],
    ['there is none in a container', facts({ ...none, isContainer: true }), /^none found; .* with --gpus all/],
    [
      'there is no driver',
      facts({ ...none, hasNvidiaCard: true }),
      /driver is not loaded; install driver 580 or newer \(525\.60\.13 does for CUDA 12\)/,
    ],
    ['the container has no driver', facts({ ...none, hasNvidiaCard: true, isContainer: true }), /--gpus all/],
    [
      'the driver is too old',
      facts({ nvidiaDriver: '470.256.02' }),
      /driver 470\.256\.02 is too old for CUDA 12, which needs 525\.60\.13; install 580 or newer/,
    ],
    ['the driver shows no card', facts({ nvidiaCards: [] }), /nvidia-smi shows no card; run nvidia-smi/],
    ['the driver shows none in a container', facts({ nvidiaCards: [], isContainer: true }), /in this container; start/],
    [
      'the card is too old',
      facts({ nvidiaCards: [{ name: 'Tesla K80', memory: '11441 MiB', computeCapability: 3.7 }] }),
      /Tesla K80 has compute capability 3\.7; XLA needs 5\.2/,
    ],
    [
      'every card is hidden',
      facts({}, { visibleDevices: '-1' }),
      /CUDA_VISIBLE_DEVICES is '-1', which hides every card/,
    ],
    ['the library of the driver is missing', facts({ hasCudaLibrary: false }), /libcuda\.so\.1 is not found; install/],
    [
      'the container was not given the library of the driver',
      facts({ hasCudaLibrary: false, isContainer: true }),
      /NVIDIA_DRIVER_CAPABILITIES=compute,utility/,
    ],
    [
      'the plugin is not installed',
      facts({}, { plugins: [plugin('cpu')] }),
      /^not used: XLA's plugin for cuda13 is not installed; fetch it \(2\.48 GB\): grpo-ts setup xla --device cuda13$/,
    ],
    [
      'only a plugin for a newer driver is installed',
      facts({ nvidiaDriver: '535.104.05' }),
      /for cuda12 is not installed \(cuda13 is, which driver or card are too old for\); fetch it \(3\.21 GB\)/,
    ],
    [
      'only a plugin for a newer card is installed',
      facts({ nvidiaCards: [card, { ...card, name: 'Tesla V100', computeCapability: 7 }] }),
      /for cuda12 is not installed \(cuda13 is, /,
    ],
    ['there is no plugin for AMD', facts({ ...none, hasAmdDriver: true }), /for rocm is not installed.*133 MB/],
    [
      'there is no plugin for the processor',
      facts({ ...none, hasAmdDriver: true }, { architecture: 'arm64', plugins: [] }),
      /there is no plugin of XLA for rocm on arm64/,
    ],
    [
      'the addon is not built',
      facts({}, { addonProblem: 'its addon is not built' }),
      /^not used: its addon is not built$/,
    ],
    ['it is not Linux', facts({}, { platform: 'darwin' }), /on Linux only/],
  ] as const) {
    it(`says what to do when ${what}`, () => {
      const use = gpuUse(given)
      assert.equal(use.device, null)
      assert.match(use.finding, finding)
    })
  }

  it('describes cards with the CUDA that the driver allows', () => {
    assert.equal(
      describeCards({ ...working, nvidiaCards: [card, { ...card, computeCapability: null }] }),
      'NVIDIA GeForce RTX 4090 with 24564 MiB, compute capability 8.9; NVIDIA GeForce RTX 4090 with 24564 MiB; ' +
        'driver 580.65.06, which allows CUDA 13',
    )
    assert.match(describeCards({ ...working, nvidiaDriver: '535.104.05' })!, /allows CUDA 12$/)
    assert.match(describeCards({ ...working, nvidiaDriver: '470.1' })!, /allows no CUDA 12$/)
    assert.equal(describeCards(none), null)
  })
})

describe('xla/setup/graphics', () => {
  it('compares versions by their numbers', () => {
    assert.ok(isAtLeast('580.65.06', '580'))
    assert.ok(isAtLeast('525.60.13', '525.60.13'))
    assert.ok(isAtLeast('525.105.17', '525.60.13'))
    assert.ok(!isAtLeast('525.60', '525.60.13'))
    assert.ok(!isAtLeast('99.1', '525.60.13'))
  })

  it('takes the newest CUDA that driver and all cards allow, else ROCm, else the CPU', () => {
    assert.equal(deviceFor(working), 'cuda13')
    assert.equal(deviceFor({ ...working, nvidiaDriver: '575.57.08' }), 'cuda12')
    assert.equal(deviceFor({ ...working, nvidiaCards: [card, { ...card, computeCapability: 6.1 }] }), 'cuda12')
    assert.equal(deviceFor({ ...working, nvidiaCards: [{ ...card, computeCapability: null }] }), 'cuda13')
    assert.equal(cudaFor({ ...working, nvidiaCards: [{ ...card, computeCapability: 5 }] }), null)
    assert.equal(deviceFor({ ...none, hasAmdDriver: true }), 'rocm')
    assert.equal(deviceFor(none), 'cpu')
  })

  describe('reads what nvidia-smi says', () => {
    const inFolder = useTemporaryFolder()
    let path: string | undefined
    beforeEach(function () {
      if (process.platform === 'win32') this.skip()
      path = process.env.PATH
      process.env.PATH = inFolder()
    })
    afterEach(() => {
      process.env.PATH = path
    })
    const install = (script: string): void => {
      fs.writeFileSync(inFolder('nvidia-smi'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    }

    it('of two cards', () => {
      install(
        "echo 'NVIDIA H200, 143771 MiB, 570.148.08, 9.0'; echo 'Tesla V100-SXM2-16GB, 16384 MiB, 570.148.08, [N/A]'",
      )
      const { hasNvidiaCard, nvidiaDriver, nvidiaCards } = readGraphics()
      assert.equal(hasNvidiaCard, true)
      assert.equal(nvidiaDriver, '570.148.08')
      assert.deepEqual(nvidiaCards, [
        { name: 'NVIDIA H200', memory: '143771 MiB', computeCapability: 9 },
        { name: 'Tesla V100-SXM2-16GB', memory: '16384 MiB', computeCapability: null },
      ])
    })
    it('when it fails, or lists nothing', () => {
      install("echo 'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.'; exit 9")
      assert.deepEqual(readGraphics().nvidiaCards, [])
      install("echo 'No devices were found'")
      assert.deepEqual(readGraphics().nvidiaCards, [])
    })
  })
})
