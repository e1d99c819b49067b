// place.ts: where an example keeps its files.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

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
