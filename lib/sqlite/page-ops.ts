// page-ops.ts: ops on the file as a whole: its pages, and those that are free.

import type { Connection } from './connection.ts'
import { alone, reading } from './op.ts'

/** Pages moved in one transaction, so that others get in between: some milliseconds. */
const STEP_PAGES = 512

export const pageOps = {
  /** Opens the file, if it is not. */
  'page.driver': reading((connection: Connection, _: null) => ({ value: connection.driverName })),

  /** Bytes that are free in the file. */
  'page.free': reading((connection: Connection, _: null) => ({ value: freeBytes(connection) })),

  /** Gives every free page back to the file system, and empties the WAL; answers with how many bytes that were. */
  'page.vacuum': alone((connection: Connection, _: null) => {
    const before = freeBytes(connection)
    vacuum(connection, 0, Infinity)
    connection.checkpoint()
    return { value: Math.max(0, before - freeBytes(connection)) }
  }),
}

export function freeBytes(connection: Connection): number {
  return connection.bytesIn('freelist_count')
}

/** Gives free pages back until no more than so many bytes are free, in at most so many steps; how many bytes went. */
export function vacuum(connection: Connection, keptBytes: number, steps: number): number {
  const before = freeBytes(connection)
  let left = before
  for (let step = 0; step < steps && left > keptBytes; step += 1) {
    connection.transaction('write', false, () => connection.exec(`PRAGMA incremental_vacuum(${STEP_PAGES})`))
    const now = freeBytes(connection)
    if (now >= left) break
    left = now
  }
  return Math.max(0, before - left)
}
