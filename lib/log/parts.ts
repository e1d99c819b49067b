// parts.ts: what taking, settling and looking share: the open log, and how a call ends.

import { StorageError } from '../errors.ts'
import type { HostTime } from '../wait/host-time.ts'
import type { Cursor, Decide } from './cursor.ts'
import type { CursorState } from './cursor-state.ts'
import type { DocumentReader } from './document-reader.ts'
import type { Judge } from './judge.ts'
import type { Log } from './log.ts'
import type { Owners } from './owners.ts'
import { RemovedError } from './removed.ts'
import type { StepLock } from './step-lock.ts'
import { missingRecords } from './unrecorded.ts'

export interface Parts {
  readonly log: Log
  readonly cursor: Cursor
  /** append.lock. */
  readonly lock: StepLock
  readonly reader: DocumentReader
  readonly judge: Judge
  readonly owners: Owners
  readonly clock: HostTime
  /** 'disk': what a call recorded is synced before it resolves. */
  readonly durable: boolean
  /** Something was recorded: an interval's sync, a flush and waiting callers may be due. */
  readonly recorded: () => void
  /** A sync failed that no call waited for. */
  readonly syncFailed: (error: Error) => void
}

/** A call recorded something: resolves when it has the durability. `undo`: what to do where that can't be had. */
export async function done(parts: Parts, undo?: () => Promise<void>): Promise<void> {
  parts.recorded()
  if (!parts.durable) return
  try {
    await parts.cursor.durable()
  } catch (cause) {
    await undo?.()
    if (cause instanceof RemovedError) throw cause
    throw new StorageError(`the cursor in ${parts.log.folder} could not be synced`, { cause })
  }
}

/** As `done`, but nobody waits: a power cut may bring back what was handed out or acknowledged just now. */
export function doneLater(parts: Parts): void {
  parts.recorded()
  if (parts.durable) parts.cursor.durable().catch(parts.syncFailed)
}

/** A decision that needs the log as it is now, and what its frames say in the state. */
export function upToDate<R>({ log }: Parts, decide: Decide<R>): Decide<R> {
  return (state) => {
    log.refresh()
    const before = missingRecords(log, state)
    return before.length > 0 ? { before } : decide(state)
  }
}

/** How often an item was handed out. */
export function attemptAt(state: CursorState, id: number): number {
  const value = state.runs.at(id)
  return value?.state === 'inFlight' || value?.state === 'back' ? value.attempt : 0
}
