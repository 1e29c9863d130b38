import type { EngineQueue } from './engineQueue.js'

/** What was answered since the start. */
export interface CompletionsUsage {
  requests: number
  promptTokens: number
  generationTokens: number
}

/** In the text format of Prometheus, by the names that vLLM gives them. */
export function completionsMetrics(queue: EngineQueue, usage: CompletionsUsage, adapters: number): string {
  const lines: readonly (readonly [name: string, type: 'gauge' | 'counter', help: string, value: number])[] = [
    ['vllm:num_requests_running', 'gauge', 'Requests that are sampled now.', queue.running],
    ['vllm:num_requests_waiting', 'gauge', 'Requests that wait for the engine.', queue.waiting],
    ['vllm:request_success_total', 'counter', 'Requests that were answered with completions.', usage.requests],
    ['vllm:prompt_tokens_total', 'counter', 'Tokens of their prompts.', usage.promptTokens],
    ['vllm:generation_tokens_total', 'counter', 'Tokens of their completions.', usage.generationTokens],
    ['grpo_ts:num_adapters', 'gauge', 'LoRA adapters that are loaded.', adapters],
    ['process_resident_memory_bytes', 'gauge', 'Memory of the process.', process.memoryUsage.rss()],
  ]
  return lines
    .map(([name, type, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`)
    .join('')
}
