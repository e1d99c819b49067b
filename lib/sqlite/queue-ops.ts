// queue-ops.ts: ops on a queue as a whole: its record, its handles, its sums, and what stands in it.

import { earliest } from '../earliest.ts'
import type { Status } from '../store.ts'
import type { Connection } from './connection.ts'
import { type Row, textOf } from './driver.ts'
import { payloadOf, pieces, type Taken } from './front.ts'
import { type Away, awayOf, type GivenBack, giveBack, type Moment, pass } from './lapses.ts'
import { pack } from './messages.ts'
import { type Answer, type PackedAnswer, reading, writing, writingPacked } from './op.ts'
import { freeBytes } from './page-ops.ts'
import { type Scene, type Sums, sceneOf } from './scene.ts'
import { type Recorded, recorded, type Wanted } from './schema.ts'
import { brokenAmong, SEAL_BYTES } from './seal.ts'

export interface Stats extends Sums {
  readonly freeBytes: number
  /** All pages of the file. */
  readonly fileBytes: number
  /** When the first ready item was put. */
  readonly oldest: number | undefined
}

export interface Listing extends Taken {
  readonly reasons: readonly (string | undefined)[]
  readonly priorities: readonly (number | undefined)[]
}

export interface ListArgs extends Asked {
  readonly status: Status
  readonly after: number
  readonly limit: number
}

const TABLES: Record<Status, string> = {
  ready: '$ready',
  delayed: '$delayed',
  inFlight: '$flying',
  failed: '$failed',
  acked: '$acked',
}

export interface Owned {
  readonly queue: number
  readonly owner: number
}

export const queueOps = {
  /** The queue's record, made where it is missing. */
  'queue.open': writing(
    (connection: Connection, wanted: Wanted): Answer<Recorded> => ({
      value: recorded(connection, wanted),
    }),
  ),

  /** A number for a handle, which nobody ever had; it is nobody's yet. */
  'owner.number': writing((connection: Connection, queue: number): Answer<number> => {
    const insert = connection.statement('INSERT INTO spoolq_owners (queue) VALUES (?) RETURNING id')
    const owner = Number(insert.get(queue)?.[0])
    connection.statement('DELETE FROM spoolq_owners WHERE id = ?').run(owner)
    return { value: owner }
  }),

  'owner.join': writing((connection: Connection, { queue, owner }: Owned): Answer<null> => {
    connection.statement('INSERT INTO spoolq_owners (id, queue) VALUES (?, ?)').run(owner, queue)
    return { value: null }
  }),

  /** The handles of a queue that have joined and not left. */
  'owner.list': reading((connection: Connection, queue: number): Answer<number[]> => {
    const rows = connection.statement('SELECT id FROM spoolq_owners WHERE queue = ?').all(queue)
    return { value: rows.map(([id]) => Number(id)) }
  }),

  /** Gives back what they hold, or where the disk is full some of it: then they stay, and it is asked for again. */
  'owner.leave': writing((connection: Connection, args: Leaving): Answer<GivenBack> => {
    const scene = sceneOf(connection, args.queue)
    let items = 0
    for (const owner of args.owners) {
      const given = giveBack(scene, owner)
      items += given.items
      if (given.isMore) return { value: { items, isMore: true } }
      connection.statement('DELETE FROM spoolq_owners WHERE id = ?').run(owner)
    }
    return { value: { items, isMore: false } }
  }),

  'queue.counts': writing((connection: Connection, asked: Asked): Answer<Sums & Away> => {
    const scene = sceneOf(connection, asked.queue)
    const sums = pass(scene, asked)
    return { value: { ...sums, ...awayOf(scene, asked, sums) } }
  }),

  'queue.stats': writing((connection: Connection, asked: Asked): Answer<Stats> => {
    const scene = sceneOf(connection, asked.queue)
    const sums = pass(scene, asked)
    const firsts = ['$ready', '$flying'].map((table) => scene.get(`SELECT enqueued FROM ${table} ORDER BY id LIMIT 1`))
    const oldest = earliest(firsts.flatMap((row) => (row === undefined ? [] : [Number(row[0])])))
    return {
      value: { ...sums, freeBytes: freeBytes(connection), fileBytes: connection.bytesIn('page_count'), oldest },
    }
  }),

  /** Without what is damaged, unless it is among the failed: there its bytes are none. */
  'queue.list': writingPacked((connection: Connection, args: ListArgs): PackedAnswer<Listing> => {
    const scene = sceneOf(connection, args.queue)
    pass(scene, args)
    for (let after = args.after; ; ) {
      const rows = page(scene, { ...args, after })
      const last = Number(rows.at(-1)?.[0] ?? 0)
      const broken = new Set(brokenAmong(pack(rows.map(payloadOf))))
      const isShown = (_: Row, i: number): boolean => !broken.has(i) || args.status === 'failed'
      const shown = rows
        .map((row, i) => (broken.has(i) ? [...row.slice(0, 3), NONE, ...row.slice(4)] : row))
        .filter(isShown)
      if (shown.length > 0 || rows.length < Math.max(1, args.limit)) return listing(scene, shown)
      after = last
    }
  }),

  /** JSON, or undefined. */
  'queue.copyMark': reading((connection: Connection, queue: number): Answer<string | undefined> => {
    const mark = sceneOf(connection, queue).get('SELECT copy_mark FROM spoolq_queues WHERE id = $queue')?.[0] ?? null
    return { value: mark === null ? undefined : String(mark) }
  }),

  'queue.markCopy': writing((connection: Connection, { queue, mark }: Marking): Answer<null> => {
    sceneOf(connection, queue).run('UPDATE spoolq_queues SET copy_mark = ? WHERE id = $queue', mark)
    return { value: null }
  }),
}

function page(scene: Scene, { status, after, limit }: ListArgs): Row[] {
  const columns = `id, attempt, enqueued, payload, ${status === 'failed' ? 'CAST(reason AS BLOB)' : 'NULL'}, priority`
  return scene.all(`SELECT ${columns} FROM ${TABLES[status]} WHERE id > ? ORDER BY id LIMIT ?`, after, limit)
}

function listing(scene: Scene, rows: readonly Row[]): PackedAnswer<Listing> {
  const isPriority = scene.order === 'priority'
  const { value, packed } = pieces(rows)
  const reasons = rows.map((row) => (row[4] === null ? undefined : textOf(row[4])))
  return {
    value: { ...value, reasons, priorities: rows.map((row) => (isPriority ? Number(row[5]) : undefined)) },
    packed,
  }
}

const NONE = new Uint8Array(SEAL_BYTES)

export interface Leaving {
  readonly queue: number
  readonly owners: readonly number[]
}

export interface Asked extends Moment {
  readonly queue: number
}

export interface Marking {
  readonly queue: number
  readonly mark: string
}
