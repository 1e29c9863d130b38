/**
 * How a completion shows its reasoning and marks its answer:
 * - `gsm8k`: steps, then a last line `#### 18`;
 * - `think`: `<think>` steps `</think>` `<answer>18</answer>`, as DeepSeek-R1;
 * - `boxed`: steps, then `\boxed{18}`, as solutions of MATH.
 */
export type ReasoningFormat = 'gsm8k' | 'think' | 'boxed'

export const reasoningFormats = ['gsm8k', 'think', 'boxed'] as const satisfies readonly ReasoningFormat[]

/** Tells a model to answer in a format; `answer` says what stands in the answer's place, e.g. `number`. */
export function formatInstruction(format: ReasoningFormat, answer: string): string {
  switch (format) {
    case 'gsm8k':
      return `Reason step by step, then end with the final answer alone on a line of the form \`#### <${answer}>\`.`
    case 'think':
      return (
        'First reason step by step inside <think> </think>, then give the final answer alone inside <answer> </answer>, ' +
        `that is: <think> your reasoning </think> <answer> ${answer} </answer>.`
      )
    case 'boxed':
      return `Reason step by step, then end with the final answer as \\boxed{${answer}}.`
  }
}

/** A worked solution in a format, from its steps without the final answer, and the answer. */
export function formatSolution(steps: string, answer: string, format: ReasoningFormat): string {
  const lines = steps === '' ? '' : `${steps}\n`
  switch (format) {
    case 'gsm8k':
      return `${lines}#### ${answer}`
    case 'think':
      return `<think>\n${lines}</think>\n<answer>${answer}</answer>`
    case 'boxed':
      return `${lines}The answer is $\\boxed{${answer}}$.`
  }
}
