import path from 'node:path'
import { createRandomModel } from '../../src/model/randomModel.js'
import { findPlugin } from '../../src/xla/setup/installed.js'
import { engineFlags } from '../engineChoice.js'
import type { EngineChoice } from '../engineChoice.js'
import { qwen2, smolLM2, tinyLlama } from '../modelConfigs.js'
import { canImport } from '../torch.js'
import type { Section } from './section.js'
import type { GpuJob, SpeedSizes } from './worker.js'

/** A part that cannot run here. */
export interface SkippedSection {
  readonly name: string
  readonly why: string
}

/** What decides which parts there are. */
export interface SectionPlan {
  readonly choice: EngineChoice
  readonly python: string
  /** Folder that setup takes wheels from; null for pip. */
  readonly wheels: string | null
  readonly quick: boolean
  /** Folder of SmolLM2-135M-Instruct; null for random weights of its sizes. */
  readonly smolLM2: string | null
  /** Folder of golden numbers; null where there are none. */
  readonly golden: string | null
  /** For models of random weights. */
  readonly scratch: string
}

const ROOT = path.resolve(import.meta.dirname, '../..')
const TSX = ['--import', import.meta.resolve('tsx')]
const TORCH_PACKAGES = ['torch', 'transformers', 'peft', 'trl', 'datasets']

const sizes: SpeedSizes = {
  promptLength: 128,
  maxCompletionLength: 256,
  numGenerations: 8,
  sampled: [8, 64, 256],
  trained: [8, 16, 32],
  loraR: 16,
}
const quickSizes: SpeedSizes = {
  promptLength: 20,
  maxCompletionLength: 12,
  numGenerations: 4,
  sampled: [4, 8],
  trained: [4],
  loraR: 8,
}

/** Golden numbers that an engine computes. */
const goldenParts = ['logits', 'lora'].flatMap((part) => ['--only', part])

/** All parts in the order in which they run: what tells most comes first. Models are made when their part is reached. */
export function* planSections(plan: SectionPlan): Generator<Section | SkippedSection> {
  const { choice, quick, golden } = plan
  const node = (...args: string[]): [string, ...string[]] => [process.execPath, ...args]
  const cli = (...args: string[]): [string, ...string[]] => node(path.join(ROOT, 'dist/cli/main.js'), ...args)
  const script = (file: string, ...args: string[]): [string, ...string[]] =>
    node(...TSX, path.join(ROOT, file), ...args)
  const engine = engineFlags(choice)

  yield setupSection(plan, cli)
  yield { name: 'doctor', limit: 60, command: cli('doctor') }
  yield { name: 'selftest', limit: 120, command: cli('selftest', ...engine) }

  const models = quick
    ? [{ model: 'tiny', folder: createRandomModel(path.join(plan.scratch, 'tiny'), tinyLlama) }]
    : [
        {
          model: 'smollm2-135m',
          folder: plan.smolLM2 ?? createRandomModel(path.join(plan.scratch, 'smollm2'), smolLM2),
        },
        { model: 'qwen2.5-0.5b', folder: createRandomModel(path.join(plan.scratch, 'qwen2'), qwen2) },
      ]
  const measured = quick ? quickSizes : sizes
  const worker = (job: Omit<GpuJob, 'choice' | 'sizes'>): [string, ...string[]] =>
    script('bench/gpu/worker.ts', JSON.stringify({ ...job, choice, sizes: measured }))
  const agreement = 'agreement with the cpu engine'
  yield choice.engine === 'cpu'
    ? { name: agreement, why: 'it is the cpu engine' }
    : { name: agreement, limit: 120, command: worker({ part: 'agreement', ...models[0]! }) }
  for (const named of models) {
    yield { name: `speed of ${named.model}`, limit: 150, command: worker({ part: 'speed', ...named }) }
  }
  const learning = ['--seeds', '1', '--losses', 'dapo', '--steps', '100']
  yield { name: 'learning', limit: 150, command: script('bench/learning.ts', ...learning, ...engine) }
  const hasTorch = canImport(plan.python, TORCH_PACKAGES)
  for (const named of models) {
    const name = `PyTorch with ${named.model}`
    if (hasTorch) yield torchSection(name, plan, { ...named, sizes: measured })
    else
      yield { name, why: `${plan.python} cannot import ${TORCH_PACKAGES.join(', ')}; name one that can with --python` }
  }
  yield golden === null
    ? { name: 'golden numbers', why: '../shared/golden is not here' }
    : {
        name: 'golden numbers',
        limit: 150,
        command: script('test/conformance/main.ts', golden, ...goldenParts, ...engine),
      }
}

function setupSection(
  { choice: { engine, device }, wheels }: SectionPlan,
  cli: (...args: string[]) => [string, ...string[]],
): Section | SkippedSection {
  const name = 'setup'
  if (!['auto', 'xla'].includes(engine)) return { name, why: `the engine ${engine} needs none` }
  const given = device === undefined || device === 'auto' ? [] : ['--device', device]
  const found = device === undefined || device === 'auto' ? null : findPlugin(device)
  if (found) return { name, why: `there is ${found.name} ${found.version ?? ''} at ${found.file}` }
  return { name, limit: 300, command: cli('setup', 'xla', ...given, ...(wheels === null ? [] : ['--wheels', wheels])) }
}

/** The same sizes with PyTorch, on the GPU that it sees unless the processor was asked for. */
function torchSection(
  name: string,
  { choice, python }: SectionPlan,
  job: Pick<GpuJob, 'model' | 'folder' | 'sizes'>,
): Section {
  const onCpu = choice.device === 'cpu' || choice.engine === 'cpu' || choice.engine === 'reference'
  const dtype =
    choice.precision === undefined || choice.precision === 'auto' ? (onCpu ? 'float32' : 'bfloat16') : choice.precision
  const given = JSON.stringify({ ...job, device: onCpu ? 'cpu' : 'cuda', dtype })
  return {
    name,
    limit: 150,
    command: [python, path.join(import.meta.dirname, 'torchSpeed.py'), given],
    environment: { HF_HUB_OFFLINE: '1', TOKENIZERS_PARALLELISM: 'false' },
  }
}
