#!/usr/bin/env node
import { runCommandLine } from './commandLine.js'
import { runProgram } from './terminal/program.js'

await runProgram(() => runCommandLine(process.argv.slice(2)))
