// place.ts: where an example keeps its files. A word that looks like an option, --help say, prints the comment at the
// head of the example instead of running it.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { isMainThread } from 'node:worker_threads'

const [, program = '', ...words] = process.argv
const option = words.find((word) => /^-./.test(word))
if (isMainThread && option !== undefined) {
  const source = new URL(`../../examples/${basename(program, '.js')}.ts`, import.meta.url)
  console.log(readFileSync(source, 'utf8').match(/^(\/\/.*\n)+/)?.[0] ?? '')
  process.exit(option === '--help' || option === '-h' ? 0 : 2)
}

/** The named folder, or a temporary one that is gone when the program ends. */
export function place(named: string | undefined): string {
  if (named !== undefined) {
    mkdirSync(named, { recursive: true })
    return named
  }
  const folder = mkdtempSync(join(tmpdir(), 'spoolq-example-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  process.on('SIGINT', () => process.exit(130))
  return folder
}
