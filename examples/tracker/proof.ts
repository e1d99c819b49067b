// proof.ts: is what the server has what was in the file? Each reading once, and in its order.

import { createHash } from 'node:crypto'
import type { Life } from './life.ts'
import { figure } from './screen.ts'
import type { Server } from './server.ts'

export interface Evidence {
  /** The file's readings, read once more, apart from the device. */
  readonly lines: readonly string[]
  readonly server: Server
  readonly device: Life
}

/** Prints the comparison; true if it holds. */
export function prove({ lines, server, device }: Evidence): boolean {
  const [wanted, found] = [fingerprint(lines), fingerprint(server.lines)]
  const holds = wanted === found && server.lines.length === lines.length && server.early === 0
  row('device killed with -9', device.killed)
  row('network lost', server.outages)
  row('requests that failed', server.failed)
  row('readings that came twice', server.repeated, 'left out by their number')
  row('readings that came too early', server.early)
  row('readings in the file', lines.length, `sha-256 ${wanted}`)
  row('readings on the server', server.lines.length, `sha-256 ${found}`)
  console.log(
    `\n${holds ? 'Proved: the server has every reading, once, in order.' : `NOT so, with seed ${server.seed}: ${difference(lines, server.lines)}`}`,
  )
  return holds
}

function row(label: string, count: number, remark = ''): void {
  console.log(`${label.padEnd(30)}${figure(count).padStart(9)}   ${remark}`.trimEnd())
}

function fingerprint(lines: readonly string[]): string {
  const hash = createHash('sha256')
  for (const line of lines) hash.update(`${line}\n`)
  return hash.digest('hex').slice(0, 16)
}

function difference(wanted: readonly string[], found: readonly string[]): string {
  const at = wanted.findIndex((line, i) => line !== found[i])
  if (at < 0) return `the server has ${found.length - wanted.length} readings too many`
  return `reading ${at + 1} should be ${JSON.stringify(wanted[at])} and is ${JSON.stringify(found[at])}`
}
