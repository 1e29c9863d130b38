import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { CpuBackend } from '../../src/backend/cpu/backend.js'
import { registerCpuBackend } from '../../src/backend/cpu/register.js'

/** tfjs's plain backend, which has none of our kernels: every op runs as its reference composition. */
export const REFERENCE = 'cpu'

/** The backends that every op is tested on, by tfjs's name. */
const CONFIGURATIONS = {
  'test-1-thread': { threads: 1 },
  'test-2-threads': { threads: 2 },
  'test-2-threads-unfused': { threads: 2, fusedMultiplyAdd: false },
}
export const OUR_BACKENDS = Object.keys(CONFIGURATIONS)

const started = new Map<string, Promise<CpuBackend>>()

/** Makes a backend the current one; ours are started when they are first used. */
export async function useBackend(name: string): Promise<void> {
  const configuration = CONFIGURATIONS[name as keyof typeof CONFIGURATIONS] as object | undefined
  if (configuration && !started.has(name)) started.set(name, registerCpuBackend({ ...configuration, name }))
  await started.get(name)
  assert.ok(await tf.setBackend(name), `the backend ${name} does not start`)
}

/** Declares tests for each backend, which is the current one while they run; the reference is current again afterwards. */
export function onEveryBackend(
  tests: (name: string) => void,
  names: readonly string[] = [REFERENCE, ...OUR_BACKENDS],
): void {
  for (const name of names) {
    describe(`on ${name}`, () => {
      beforeEach(() => useBackend(name))
      afterEach(() => useBackend(REFERENCE))
      tests(name)
    })
  }
}

/** Runs a body on another backend and comes back. What it returns must be host values, not tensors. */
export async function on<T>(name: string, body: () => T): Promise<T> {
  // tfjs has no current backend before the first op.
  const before = (tf.getBackend() as string | undefined) ?? REFERENCE
  await useBackend(name)
  try {
    return tf.tidy(body as () => tf.TensorContainer) as T
  } finally {
    await useBackend(before)
  }
}

/** Numbers uniform in [−scale, scale), the same for the same seed. */
export function randomValues(size: number, seed: number, scale = 1): Float32Array {
  const random = xoroshiro128plus(seed)
  return Float32Array.from({ length: size }, () => (2 * uniformFloat64(random) - 1) * scale)
}

/** A tensor of {@link randomValues}. */
export function randomTensor<T extends tf.Tensor = tf.Tensor2D>(shape: readonly number[], seed: number, scale = 1): T {
  const size = shape.reduce((a, b) => a * b, 1)
  return tf.tensor(randomValues(size, seed, scale), [...shape], 'float32') as T
}

/** Values of a tensor. */
export function values(tensor: tf.Tensor): Float32Array {
  return tensor.dataSync<'float32'>()
}

/** Checks that all numbers agree within `tolerance`, relative to 1 or to the number where that is larger. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance = 1e-5,
  what = 'value',
): void {
  assert.equal(actual.length, expected.length, `${what}: number of values`)
  for (let i = 0; i < actual.length; i++) {
    const limit = tolerance * Math.max(1, Math.abs(expected[i]!))
    const difference = Math.abs(actual[i]! - expected[i]!)
    assert.ok(difference <= limit, `${what} ${i} is ${actual[i]}, expected ${expected[i]} within ${limit}`)
  }
}

/** Results of a function and gradients of Σ c·y for each input, with fixed random c, as host values. */
export interface Evaluation {
  results: Float32Array[]
  gradients: Float32Array[]
}

/** Some random float32 tensors are made anew from these each time that a function is evaluated. */
export interface InputSpec {
  readonly shape: readonly number[]
  readonly seed: number
  readonly scale?: number
}

type Body = (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[]

/** Evaluates a function and its gradients on the current backend. */
export function evaluate(body: Body, inputs: readonly InputSpec[]): Evaluation {
  let evaluation: Evaluation | undefined
  tf.tidy(() => {
    evaluation = evaluateAt(
      body,
      inputs.map(({ shape, seed, scale }) => randomTensor<tf.Tensor>(shape, seed, scale)),
    )
  })
  return evaluation!
}

function evaluateAt(body: Body, inputs: tf.Tensor[]): Evaluation {
  const list = (x: tf.Tensor | tf.Tensor[]): tf.Tensor[] => (Array.isArray(x) ? x : [x])
  const results = list(body(...inputs)).map(values)
  const loss = (...xs: tf.Tensor[]): tf.Scalar =>
    tf.addN(list(body(...xs)).map((y, i) => tf.sum<tf.Scalar>(tf.mul(y, randomTensor(y.shape, 1000 + i)))))
  return { results, gradients: tf.grads(loss)(inputs).map(values) }
}

/**
 * Compares gradients with central finite differences of Σ c·y: along a random direction of each input, and along single
 * coordinates. Sums are in double precision, so that what remains is the rounding of the results.
 */
export function assertGradients(
  body: Body,
  inputs: readonly InputSpec[],
  { step = 1e-2, tolerance = 1e-2 } = {},
): void {
  tf.tidy(() => {
    const points = inputs.map(({ shape, seed, scale }) => randomTensor<tf.Tensor>(shape, seed, scale))
    const { gradients } = evaluateAt(body, points)
    const lossAt = (moved: number, direction: Float32Array, distance: number): number =>
      tf.tidy(() => {
        const at = points.map((x, i) => {
          if (i !== moved) return x
          return tf.tensor(
            values(x).map((value, j) => value + distance * direction[j]!),
            x.shape,
            'float32',
          )
        })
        const results = body(...at)
        let loss = 0
        for (const [i, y] of (Array.isArray(results) ? results : [results]).entries()) {
          const c = randomValues(y.size, 1000 + i)
          loss += values(y).reduce((sum, value, j) => sum + value * c[j]!, 0)
        }
        return loss
      })
    for (const [i, { shape }] of inputs.entries()) {
      const gradient = gradients[i]!
      assert.deepEqual(
        gradient.length,
        shape.reduce((a, b) => a * b, 1),
      )
      const directions = [0, gradient.length >> 1, gradient.length - 1]
        .filter((j) => j in gradient)
        .map((j) => new Float32Array(gradient.length).fill(1, j, j + 1))
      if (gradient.length > 0) {
        const direction = randomValues(gradient.length, 77 + i)
        const length = Math.hypot(...direction)
        directions.push(direction.map((x) => x / length))
      }
      for (const [d, direction] of directions.entries()) {
        const numeric = (lossAt(i, direction, step) - lossAt(i, direction, -step)) / (2 * step)
        const analytic = gradient.reduce((sum, g, j) => sum + g * direction[j]!, 0)
        const limit = tolerance * Math.max(1, Math.abs(numeric))
        assert.ok(
          Math.abs(numeric - analytic) <= limit,
          `input ${i}, direction ${d}: gradient ${analytic}, finite difference ${numeric}`,
        )
      }
    }
  })
}

/**
 * Declares the tests that every op passes on every backend: results and gradients equal the reference's, gradients equal finite
 * differences, nothing leaks; and on ours, the number of threads changes no bit.
 * @param cases name → a function that makes the op's body on the current backend and its inputs
 */
export function testOp(
  cases: Record<
    string,
    { make: () => { body: Body; dispose?: () => void }; inputs: readonly InputSpec[]; tolerance?: number }
  >,
): void {
  for (const [title, { make, inputs, tolerance = 2e-5 }] of Object.entries(cases)) {
    describe(title, () => {
      const run = <T>(check: (body: Body) => T): T => {
        const { body, dispose } = make()
        try {
          return check(body)
        } finally {
          dispose?.()
        }
      }
      const evaluateHere = (): Evaluation => run((body) => evaluate(body, inputs))
      onEveryBackend(() => {
        it('has the gradients of finite differences', () => {
          run((body) => {
            assertGradients(body, inputs)
          })
        })
      })
      onEveryBackend((name) => {
        it('gives the results and gradients of the reference', async () => {
          const expected = await on(REFERENCE, evaluateHere)
          const actual = evaluateHere()
          for (const kind of ['results', 'gradients'] as const) {
            assert.equal(actual[kind].length, expected[kind].length)
            for (const [i, x] of actual[kind].entries()) assertClose(x, expected[kind][i]!, tolerance, `${kind} ${i}`)
          }
        })
        it('leaks nothing', () => {
          run((body) => {
            const used = (): unknown[] => [
              tf.memory().numTensors,
              (tf.memory() as { numBytesInWasm?: number }).numBytesInWasm,
            ]
            evaluate(body, inputs)
            const before = used()
            for (let i = 0; i < 3; i++) evaluate(body, inputs)
            assert.deepEqual(used(), before, `tensors and bytes on ${name}`)
          })
        })
      }, OUR_BACKENDS)
      it('gives the same bits with one thread and two', async () => {
        const one = await on('test-1-thread', evaluateHere)
        const two = await on('test-2-threads', evaluateHere)
        assert.deepEqual(two, one)
      })
    })
  }
}
