// take-ops.ts: items out of a queue, from the front of what is ready. They are read in order, and then cut off as one
// range, because whatever is ready lies in that order:
//
//      fifo   id <= last        lifo   id >= last        priority   (priority, id) <= last

import type { Pick } from '../store.ts'
import type { Connection } from './connection.ts'
import type { Row, Value } from './driver.ts'
import { type Answer, writing } from './op.ts'
import { type Scene, type Sums, sceneOf } from './scene.ts'
import { type Settle, settleAll } from './settle.ts'

/** Items of one answer, each a blob. */
export interface Taken {
  readonly ids: readonly number[]
  readonly attempts: readonly number[]
  readonly enqueued: readonly number[]
}

export interface TakeArgs {
  readonly queue: number
  readonly now: number
  readonly n: number
}

export interface LeaseArgs extends TakeArgs, Settle {
  readonly deadline: number | null
  readonly isAhead: boolean
  readonly pick: Pick | undefined
}

export const takeOps = {
  'queue.peek': writing((connection: Connection, { queue, now, n }: TakeArgs): Answer<Taken> => {
    const scene = sceneOf(connection, queue)
    scene.pass(now)
    return taken(front(scene, n))
  }),

  'queue.pop': writing((connection: Connection, { queue, now, n }: TakeArgs): Answer<Taken> => {
    const scene = sceneOf(connection, queue)
    const sums = scene.pass(now)
    const rows = front(scene, n)
    if (rows.length > 0) remove(scene, sums, rows)
    return taken(rows)
  }),

  /** Settles, and then takes into flight. */
  'queue.lease': writing((connection: Connection, args: LeaseArgs): Answer<Taken> => {
    const scene = sceneOf(connection, args.queue)
    settleAll(scene, args)
    scene.pass(args.now)
    const rows = args.pick === undefined ? front(scene, args.n) : picked(scene, args.pick)
    if (rows.length > 0) fly(scene, args, rows)
    return taken(rows, 1)
  }),

  /** Drops so many from the front; how many there were. */
  'queue.delete': writing((connection: Connection, { queue, now, n }: TakeArgs): Answer<number> => {
    const scene = sceneOf(connection, queue)
    const sums = scene.pass(now)
    return { value: Math.min(n, sums.ready) === 0 ? 0 : dropFront(scene, sums, Math.min(n, sums.ready)) }
  }),

  /** Drops what is ready or delayed; how many there were. */
  'queue.clear': writing((connection: Connection, { queue }: Omit<TakeArgs, 'n'>): Answer<number> => {
    const scene = sceneOf(connection, queue)
    const { ready, delayed, isKeyed, bytes } = scene.sums()
    scene.run('DELETE FROM $ready')
    scene.run('DELETE FROM $delayed')
    if (isKeyed) scene.run('DELETE FROM $keys WHERE key NOT IN (SELECT key FROM $flying WHERE key IS NOT NULL)')
    const left = scene.number('SELECT total(length(payload)) FROM $flying')
    scene.change({ ready: -ready, delayed: -delayed, bytes: left - bytes })
    return { value: ready + delayed }
  }),
}

const ROW = 'id, attempt, enqueued, payload'
const ORDERS = { fifo: 'id', lifo: 'id DESC', priority: 'priority, id' } as const

/** The first `n` ready items. */
function front(scene: Scene, n: number): Row[] {
  if (n === 0) return []
  const priority = scene.order === 'priority' ? ', priority' : ''
  return scene.all(`SELECT ${ROW}${priority} FROM $ready ORDER BY ${ORDERS[scene.order]} LIMIT ?`, n)
}

/** That one, or the next by age behind that one, and after the last the first again. */
function picked(scene: Scene, pick: Pick): Row[] {
  if ('id' in pick) return scene.all(`SELECT ${ROW} FROM $ready WHERE id = ?`, pick.id)
  const [beyond, order] = scene.order === 'lifo' ? ['id < ?', 'id DESC'] : ['id > ?', 'id']
  const next = scene.all(`SELECT ${ROW} FROM $ready WHERE ${beyond} ORDER BY ${order} LIMIT 1`, pick.after)
  return next.length > 0 ? next : scene.all(`SELECT ${ROW} FROM $ready ORDER BY ${order} LIMIT 1`)
}

/** The condition that holds for those rows from the front, and for no others. */
function rangeOf(scene: Scene, rows: readonly Row[]): [where: string, ...values: Value[]] {
  const last = rows.at(-1) ?? []
  const id = last[0] ?? 0
  if (scene.order === 'lifo') return ['id >= ?', id]
  return scene.order === 'fifo' ? ['id <= ?', id] : ['(priority, id) <= (?, ?)', last[4] ?? 0, id]
}

function remove(scene: Scene, sums: Sums, rows: readonly Row[]): void {
  const [where, ...values] = rangeOf(scene, rows)
  scene.dropKeys(sums, '$ready', where, ...values)
  scene.run(`DELETE FROM $ready WHERE ${where}`, ...values)
  const bytes = rows.reduce((sum, row) => sum + payloadOf(row).length, 0)
  scene.change({ ready: -rows.length, bytes: -bytes })
}

function fly(scene: Scene, { owner, deadline, isAhead, pick }: LeaseArgs, rows: readonly Row[]): void {
  const [where, ...values] = pick === undefined ? rangeOf(scene, rows) : ['id = ?', rows[0]?.[0] ?? 0]
  const columns = 'id, attempt, enqueued, priority, key, owner, due, ahead, payload'
  scene.run(
    `INSERT INTO $flying (${columns}) SELECT id, attempt + 1, enqueued, priority, key, ?, ?, ?, payload
      FROM $ready WHERE ${where}`,
    owner,
    deadline,
    isAhead ? 1 : 0,
    ...values,
  )
  scene.run(`DELETE FROM $ready WHERE ${where}`, ...values)
  const count = rows.length
  scene.change({ ready: -count, flying: count, timed: deadline === null ? 0 : count })
}

function dropFront(scene: Scene, sums: Sums, count: number): number {
  const columns = scene.order === 'priority' ? 'id, 0, 0, 0, priority' : 'id'
  const last = scene.get(`SELECT ${columns} FROM $ready ORDER BY ${ORDERS[scene.order]} LIMIT 1 OFFSET ?`, count - 1)
  const [where, ...values] = rangeOf(scene, last === undefined ? [] : [last])
  const bytes = scene.number(`SELECT total(length(payload)) FROM $ready WHERE ${where}`, ...values)
  scene.dropKeys(sums, '$ready', where, ...values)
  const gone = scene.run(`DELETE FROM $ready WHERE ${where}`, ...values)
  scene.change({ ready: -gone, bytes: -bytes })
  return gone
}

function taken(rows: readonly Row[], attempts = 0): Answer<Taken> {
  return {
    value: {
      ids: rows.map((row) => Number(row[0])),
      attempts: rows.map((row) => Number(row[1]) + attempts),
      enqueued: rows.map((row) => Number(row[2])),
    },
    blobs: rows.map(payloadOf),
  }
}

const EMPTY = new Uint8Array(0)

export function payloadOf(row: Row): Uint8Array {
  const bytes = row[3]
  return bytes instanceof Uint8Array ? bytes : EMPTY
}
