#!/usr/bin/env node
import { runCommandLine } from './commandLine.js'

// The reader of a pipe may stop early: `grpo-ts … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

process.exitCode = await runCommandLine(process.argv.slice(2))
