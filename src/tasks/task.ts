import type { Problem } from '../grading/problem.js'
import type { ChatMessage, Tokenizer } from '../text/tokenizer.js'

/** A prompt as text and as the token ids that the model gets. */
export interface Prompt {
  /** The prompt as text, with the marks of the chat template if there is one. */
  readonly text: string
  /** Empty when no tokenizer was given. */
  readonly ids: number[]
  /** The conversation, where the chat template made the prompt of one. */
  readonly messages?: readonly ChatMessage[]
}

/** A row of a task's data that cannot be used. */
export interface MalformedRow {
  /** The file that has it. */
  readonly file: string
  /** The line of a JSON lines file or the row of a parquet, JSON or CSV file, from 1. */
  readonly line: number
  /** What is wrong with it. */
  readonly reason: string
  /** What to do about it, where that is known. */
  readonly advice?: string
}

/** Problems and how to ask them. */
export interface Task {
  /** Appears in reports and evaluations. */
  readonly name: string
  /** What is asked. */
  readonly problems: readonly Problem[]
  /** The system message before each question, or null for none; only chat models get it. */
  readonly systemPrompt: string | null
  /** Builds the prompt of a problem: a chat if the tokenizer has a chat template, plain text otherwise. */
  prompt(problem: Problem, tokenizer: Tokenizer | null): Prompt
  /** Rows of the data that were left out. Defaults to none. */
  readonly malformedRows?: readonly MalformedRow[]
}

/** The part of a task's problems to take. */
export type Split = 'train' | 'test'
