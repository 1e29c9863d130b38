/**
 * Tokens a second of sampling by the own engine and by processes of `grpo-ts serve` on this machine, in one run:
 *
 *   npm run bench:rollouts
 *   npm run bench:rollouts -- --model FOLDER --task arithmetic --prompts 8 --max-completion-length 128
 *
 * The own engine has two threads, servers one each, so that own engine and two servers compute on as many cores. All sample the same
 * completions of the same prompts by turns; the time of an adapter's exchange is measured by itself.
 */
import { parseArgs } from 'node:util'
import { formatTable } from '../src/cli/terminal/table.js'
import { generate, loadModel, rolloutServers, selectEngine, tasks } from '../src/index.js'
import { startServe } from '../test/grpo/rollouts/servers/serveProcess.js'

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'word-problems-2m' },
    task: { type: 'string', default: 'word-problems' },
    prompts: { type: 'string', default: '16' },
    generations: { type: 'string', default: '8' },
    'max-completion-length': { type: 'string', default: '64' },
    rounds: { type: 'string', default: '5' },
  },
})
const numGenerations = Number(values.generations)
const rounds = Number(values.rounds)
await selectEngine('cpu', { threads: 2 })
const base = await loadModel(values.model)
const policy = base.withLora({ r: 16 })
const task = await tasks.loadTask(values.task, { limit: Number(values.prompts) })
const prompts = task.problems.map((problem) => [...task.prompt(problem, base.tokenizer).ids])
const servers = await Promise.all([1, 2].map(() => startServe([values.model, '--threads', '1'], { isBuilt: true })))

const urls = servers.map(({ url }) => url)
const ways = [
  { name: 'own engine, 2 threads', engine: null },
  { name: '1 server, 1 thread', engine: rolloutServers({ engine: 'vllm', baseUrl: urls.slice(0, 1) }) },
  { name: '2 servers, 1 thread each', engine: rolloutServers({ engine: 'vllm', baseUrl: urls }) },
]
const speeds = ways.map((): number[] => [])
const exchanges: number[] = []
const texts = new Set<string>()
// The first round, which compares the servers with the policy and warms all up, is not counted.
for (let round = 0; round <= rounds; round++) {
  texts.clear()
  for (const [i, { engine }] of ways.entries()) {
    const options = {
      maxCompletionLength: Number(values['max-completion-length']),
      numGenerations,
      seed: round,
      temperature: 1,
    }
    if (engine) {
      await engine.sync!(policy, round)
      const before = performance.now()
      // A token of one prompt: what it takes is the exchange of the adapter.
      await engine.generate(prompts.slice(0, 1), { ...options, maxCompletionLength: 1, numGenerations: 1 })
      if (round > 0) exchanges.push(performance.now() - before)
    }
    const before = performance.now()
    const groups = engine ? await engine.generate(prompts, options) : await generate(policy, prompts, options)
    const seconds = (performance.now() - before) / 1000
    const tokens = groups.flat().reduce((sum, { ids }) => sum + ids.length, 0)
    texts.add(JSON.stringify(groups.flat().map(({ ids }) => ids)))
    if (round > 0) speeds[i]!.push(tokens / seconds)
  }
  if (texts.size !== 1) throw new Error('the ways to sample gave other completions')
}
for (const { engine } of ways) await engine?.close()
for (const server of servers) await server.kill()

const best = speeds.map((all) => Math.max(...all))
console.log(
  formatTable(
    [
      { heading: '', text: ({ name }) => name, left: true },
      { heading: 'tokens/s (best)', text: ({ i }) => best[i]!.toFixed(0) },
      { heading: 'slowest', text: ({ i }) => Math.min(...speeds[i]!).toFixed(0) },
      { heading: 'of the own engine', text: ({ i }) => `${(best[i]! / best[0]!).toFixed(2)} x` },
    ],
    ways.map(({ name }, i) => ({ name, i })),
  ),
)
console.log(
  `${prompts.length} prompts x ${numGenerations} completions of ${values.model}, best of ${rounds} rounds; the exchange of an adapter ` +
    `takes ${Math.min(...exchanges).toFixed(0)} ms`,
)
process.exit(0)
