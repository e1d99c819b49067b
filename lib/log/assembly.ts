// assembly.ts: the parts of an open log, put together.
//
//    appender ──▶ log ◀── reader ◀── taker, looker ──▶ cursor ──▶ journal
//                  ▲  ◀── settler ──────┘    │           ▲
//               flusher ◀────────────────────┘        owners ◀── reclaimer

import type { StoreOptions } from '../store.ts'
import { Appender } from './appender.ts'
import { Counter } from './counter.ts'
import { DocumentReader } from './document-reader.ts'
import { Flusher } from './flusher.ts'
import { HeldBytes } from './held-bytes.ts'
import { Judge } from './judge.ts'
import { Looker } from './looker.ts'
import type { Opened } from './opening.ts'
import type { Parts } from './parts.ts'
import { Reclaimer } from './reclaimer.ts'
import { Settler } from './settler.ts'
import { SyncedRecords } from './synced-records.ts'
import { Taker } from './taker.ts'

/** What the parts call. */
export interface Hooks {
  /** Items were appended. */
  readonly appended: () => void
  /** Something was recorded. */
  readonly recorded: () => void
  /** With an interval: what was written has to be synced in time. */
  readonly syncLater: () => void
}

export interface Assembly {
  readonly appender: Appender
  readonly taker: Taker
  readonly settler: Settler
  readonly reclaimer: Reclaimer
  readonly looker: Looker
  readonly counter: Counter
  readonly flusher: Flusher
  readonly syncedRecords: SyncedRecords
}

export function assemble(opened: Opened, options: StoreOptions, hooks: Hooks): Assembly {
  const { log, cursor, owners, lock, time: clock, failed } = opened
  const { events, durability, flushLimit, onDamage } = options
  const { appended, recorded, syncLater } = hooks
  const failing = (error: Error) => events.failed(error)
  const syncFailed = (error: Error) => events.failed(error, 'sync')
  const corruption: typeof events.corruption = (report) => events.corruption(report)
  const flushed: typeof events.flushed = (report) => events.flushed(report)
  const reader = new DocumentReader(log)
  const judge = new Judge({ log, cursor, lock, reader, failed, onDamage, corruption })
  const durable = durability === 'disk'
  const parts: Parts = { log, cursor, lock, reader, judge, owners, clock, durable, recorded, syncFailed }
  const flusher = new Flusher({
    log,
    cursor,
    lock,
    owners,
    clock,
    failedItems: failed,
    flushLimit,
    flushed,
    failed: failing,
  })
  const makeRoom = () => flusher.makeRoom()
  const keepUp = () => flusher.keepUp()
  const owner = () => owners.own
  const held = new HeldBytes(log)
  const reclaimer = new Reclaimer(parts, options.autoResume)
  const due: Reclaimer['due'] = (state) => reclaimer.due(state)
  const hows = { durability, owner, makeRoom, keepUp, appended, syncLater, due }
  const appender = new Appender({ held, log, cursor, lock, ...hows })
  const settler = new Settler(parts, appender, failed, options.keepAcked ?? 0)
  const taker = new Taker(parts, settler, reclaimer)
  const looker = new Looker(parts, failed, reclaimer)
  const counter = new Counter(parts, { looker, reclaimer, failed, held })
  const syncedRecords = new SyncedRecords({ log, cursor, clock, events })
  return { appender, taker, settler, reclaimer, looker, counter, flusher, syncedRecords }
}
