/**
 * The loss types by TRL's names: the term of a token ({@link policyTerm}), and what the terms are divided by ({@link aggregateLoss}):
 *
 * - `completion`: the tokens of their completion, and the completions
 * - `microBatch`: the tokens of the micro-batch
 * - `maxLength`: what the micro-batch could hold at most, so that nothing depends on lengths
 * - `completions`: the completions alone: long ones count more
 * - `batch`: the tokens of the whole generation batch
 */
export const lossTypes = {
  grpo: { term: 'clipped', per: 'completion' },
  bnpo: { term: 'clipped', per: 'microBatch' },
  dr_grpo: { term: 'clipped', per: 'maxLength' },
  dapo: { term: 'clipped', per: 'batch' },
  cispo: { term: 'cispo', per: 'batch' },
  sapo: { term: 'sapo', per: 'completion' },
  luspo: { term: 'clipped', per: 'completions' },
  vespo: { term: 'vespo', per: 'batch' },
} as const

/** The name of a loss type. */
export type LossType = keyof typeof lossTypes

/** All names, in the order in which they are listed. */
export const lossTypeNames = Object.keys(lossTypes) as [LossType, ...LossType[]]
