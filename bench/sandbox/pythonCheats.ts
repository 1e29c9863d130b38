import type { Cheat } from './cheats.js'

/** Generic cheats in Python: none of them solves a problem of HumanEval. */
export const pythonCheats: readonly Cheat[] = []
