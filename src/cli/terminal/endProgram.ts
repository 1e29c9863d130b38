let isEnding = false

/** Ends the program at once. */
export function endProgram(code: number): never {
  isEnding = true
  process.exit(code)
}

/** Whether the program ends because it wants to: a module of the user may call process.exit too. */
export function isProgramEnding(): boolean {
  return isEnding
}
