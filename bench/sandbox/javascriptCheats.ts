import type { Cheat } from './cheats.js'

/** Generic cheats in JavaScript: none of them solves a problem of HumanEval-X. */
export const javascriptCheats: readonly Cheat[] = [
  {
    name: 'the constructor of a callback',
    program: ({ entryPoint }) =>
      `function ${entryPoint}(...args) { for (const cb of args) try { cb.constructor("Object.is = () => true")() } catch {}; return 0 }`,
  },
]
