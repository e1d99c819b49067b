// wal-ops.ts: the WAL that a kill left, looked through once, by the first who opens the file after it: in a transaction, so
// that nobody writes meanwhile (SQLite has read as much of the WAL by then as holds, and has thrown nothing away).
//
//    spoolq_file    boot      in which the file was opened last: after another one it is as a power cut left it, and what
//                             doesn't hold had not reached the disk: no damage
//                   told      what was counted last (wal.ts, key), until it is cut off
//                   pending   what is to be told yet: by the next opening that skips damage
//    spoolq_lost    of queues that were made in what is lost: their items, and the id that goes on where theirs were
//
//      what is left ──damage──▶ kept aside ──▶ counted, in one transaction ──▶ cut off ──▶ told
//           └──────────none────────────────────────────────────────────────────▲
//
// How many items: what was put in what is lost, but no more than waited at its end (wal-rows.ts). If items were settled there
// out of order, that may be too many.

import fs from 'node:fs'
import { sameBoot } from '../disk/boot.ts'
import { openPlain } from '../disk/ours.ts'
import { CorruptionError } from '../errors.ts'
import type { Connection } from './connection.ts'
import { alone } from './op.ts'
import { saysFull } from './room.ts'
import { FILE_TABLES } from './schema.ts'
import { lookThrough, type WalLook } from './wal.ts'
import { keptAside } from './wal-kept.ts'
import { addRows, type LastRow } from './wal-rows.ts'

export interface WalDamage {
  readonly offset: number
  readonly bytes: number
  readonly lost: number
  /** A copy of the WAL as it was found; undefined where there was no room for it. */
  readonly kept: string | undefined
}

export interface Looking {
  /** What is to be told is an error. */
  readonly isStrict: boolean
  readonly boot: string
}

/** As often as it can be: it is counted, it is cut off, it is told. */
const STEPS = 4

export const walOps = {
  /** Answers with damage that nobody has been told of yet. Throws CorruptionError where it is to be an error. */
  'wal.look': alone((connection: Connection, looking: Looking): { value: WalDamage | null } => {
    if (connection.isMemory || isSettled(connection, looking)) return { value: null }
    try {
      return { value: look(connection, looking) }
    } catch (error) {
      // A full disk has no room to count, and opens all the same: the next opening looks again.
      if (saysFull(error)) return { value: null }
      throw error
    }
  }),
}

function look(connection: Connection, looking: Looking): WalDamage | null {
  for (let step = 0; step < STEPS; step += 1) {
    const done = connection.transaction('write', true, () => new Look(connection, looking).step())
    if (done === 'again') continue
    // Into the file itself: what rots in the WAL doesn't change in which boot it was written.
    if (done.isNewBoot) connection.checkpoint()
    return done.damage
  }
  return null
}

function walOf(connection: Connection): string {
  return `${connection.file}-wal`
}

function lookOf(connection: Connection, rows?: Map<string, LastRow>): WalLook | undefined {
  const seen = rows && ((page: Uint8Array, number: number) => addRows(rows, page, number))
  return lookThrough(walOf(connection), connection.pageBytes, seen)
}

/** Outside of a transaction: nothing is left, and nothing to be told. */
function isSettled(connection: Connection, { boot }: Looking): boolean {
  const look = lookOf(connection)
  if (look !== undefined && look.left > look.end) return false
  const record = recordOf(connection)
  return record !== undefined && sameBoot(record.boot, boot) && record.pending === undefined
}

interface FileRecord {
  readonly boot: string
  readonly told: string | undefined
  readonly pending: WalDamage | undefined
}

function recordOf(connection: Connection): FileRecord | undefined {
  const made = connection.number("SELECT count(*) FROM sqlite_schema WHERE name = 'spoolq_file'")
  const row = made === 0 ? undefined : connection.statement('SELECT boot, told, pending FROM spoolq_file').get()
  if (row === undefined) return undefined
  const [boot, told, pending] = row.map((value) => (value === null ? undefined : String(value)))
  return { boot: boot ?? '', told, pending: pending === undefined ? undefined : JSON.parse(pending) }
}

interface Done {
  readonly damage: WalDamage | null
  readonly isNewBoot: boolean
}

class Look {
  readonly #connection: Connection
  readonly #looking: Looking
  readonly #record: FileRecord | undefined

  constructor(connection: Connection, looking: Looking) {
    this.#connection = connection
    this.#looking = looking
    this.#record = recordOf(connection)
  }

  /** One transaction; 'again' where another has to follow it. */
  step(): Done | 'again' {
    const rows = new Map<string, LastRow>()
    const look = lookOf(this.#connection, rows)
    if (look !== undefined && look.left > look.end) {
      if (this.#isNews(look)) {
        this.#count(look, rows)
        return 'again'
      }
      cutOff(walOf(this.#connection), look.end)
    }
    return this.#tell()
  }

  #isNews({ isDamage, key }: WalLook): boolean {
    return isDamage && !this.#isNewBoot && this.#record?.told !== key
  }

  /** Also where nobody has written in which one it was. */
  get #isNewBoot(): boolean {
    return this.#record === undefined || !sameBoot(this.#record.boot, this.#looking.boot)
  }

  #count(look: WalLook, rows: ReadonlyMap<string, LastRow>): void {
    const connection = this.#connection
    const lost = [...rows].reduce((sum, [uuid, row]) => sum + lostOf(connection, uuid, row), 0)
    const { offset, key } = look
    const damage: WalDamage = { offset, bytes: look.left - offset, lost, kept: keptAside(connection.file, key) }
    const sql = 'UPDATE spoolq_file SET told = ?, pending = ?'
    connection.statement(sql).run(key, JSON.stringify(damage))
  }

  #tell(): Done {
    const connection = this.#connection
    const { isStrict, boot } = this.#looking
    const { pending } = this.#record ?? {}
    if (pending !== undefined && isStrict) throw refusal(connection.file, pending)
    const isNewBoot = this.#isNewBoot
    if (isNewBoot) {
      connection.exec(FILE_TABLES)
      connection.statement('INSERT OR REPLACE INTO spoolq_file (id, boot) VALUES (1, ?)').run(boot)
    } else if (pending !== undefined) connection.exec('UPDATE spoolq_file SET pending = NULL')
    return { damage: pending ?? null, isNewBoot }
  }
}

/** Counts what a queue has lost; its next id is behind all that were given. */
function lostOf(connection: Connection, uuid: string, { name, nextId, waiting }: LastRow): number {
  const made = connection.number("SELECT count(*) FROM sqlite_schema WHERE name = 'spoolq_queues'")
  const sql = 'SELECT id, next_id FROM spoolq_queues WHERE uuid = ?'
  const [id, known] = made === 0 ? [] : (connection.statement(sql).get(uuid) ?? [])
  if (id === undefined) {
    const insertion = 'INSERT OR REPLACE INTO spoolq_lost (name, next_id, lost) VALUES (?, ?, ?)'
    connection.statement(insertion).run(name, nextId, waiting)
    return waiting
  }
  const lost = Math.max(0, Math.min(nextId - Number(known), waiting))
  const counting = 'UPDATE spoolq_queues SET lost = lost + ?, next_id = max(next_id, ?) WHERE id = ?'
  connection.statement(counting).run(lost, nextId, id)
  return lost
}

function cutOff(wal: string, end: number): void {
  const fd = openPlain(wal, fs.constants.O_RDWR)
  try {
    fs.ftruncateSync(fd, end)
  } finally {
    fs.closeSync(fd)
  }
}

function refusal(
  file: string,
  { offset, bytes, lost, kept = 'nowhere: there was no room' }: WalDamage,
): CorruptionError {
  const what = `${file}-wal: what a killed process left there was damaged from byte ${offset} on: ${bytes} bytes, ${lost} items`
  return new CorruptionError(`${what}; they are kept in ${kept}: open with onDamage 'skip' to go on without them`)
}
