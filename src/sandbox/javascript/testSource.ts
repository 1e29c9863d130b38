/** Tests with their imports as calls of `require`. */
export function testScript(tests: string): string {
  return tests
    .replace(/^[ \t]*import\s+(?:\*\s+as\s+)?(\w+)\s+from\s+(['"][^'"]+['"]);?/gm, 'const $1 = require($2);')
    .replace(/^[ \t]*import\s+(\{[^}]*\})\s+from\s+(['"][^'"]+['"]);?/gm, 'const $1 = require($2);')
    .replace(/^[ \t]*declare\s+var\s+require\b.*$/gm, '')
}

/** A program as a script: what a module exports is simply there. */
export function programScript(program: string): string {
  return program
    .replace(/^[ \t]*export\s+default\s+(?=(?:async\s+)?function\b|class\b)/gm, '')
    .replace(/^[ \t]*export\s+(?=(?:async\s+)?(?:function|const|let|var|class)\b)/gm, '')
    .replace(/^[ \t]*export\s*\{[^}]*\};?[ \t]*$/gm, '')
}

/** Whether tests may deal with exceptions themselves. */
export function catchesExceptions(tests: string): boolean {
  return /\b(?:catch|then|rejects|allSettled|any|race)\b/.test(tests)
}

/** Names that code may declare as functions or classes. */
export function functionNames(code: string): string[] {
  return [
    ...new Set(
      [...code.matchAll(/\b(?:class|function)\s+([\p{ID_Start}_$][\p{ID_Continue}$]*)/gu)].map((match) => match[1]!),
    ),
  ]
}
