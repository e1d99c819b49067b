// take-ops.ts: items out of a queue, from the front of what is ready. They are read in order, and then cut off as one
// range, because whatever is ready lies in that order:
//
//      fifo   id <= last        lifo   id >= last        priority   (priority, id) <= last

import { CorruptionError } from '../errors.ts'
import type { Pick as Choice } from '../store.ts'
import type { Connection } from './connection.ts'
import type { Row, Value } from './driver.ts'
import { Holds } from './holds.ts'
import { pass } from './lapses.ts'
import { NOTHING, type Numbers, numbersOf, type Packed, pack } from './messages.ts'
import { type Answer, type PackedAnswer, writing, writingPacked } from './op.ts'
import { BYTES, type Scene, type Sums, sceneOf } from './scene.ts'
import { brokenAmong, SEAL_BYTES } from './seal.ts'
import { type Settle, settleAll } from './settle.ts'

/** Items of one answer, each a blob. */
export interface Taken {
  readonly ids: Numbers
  /** Before this one. */
  readonly attempts: Numbers
  readonly enqueued: Numbers
  /** Items that were met, turned out to be damaged, and are among the failed now; and their bytes. */
  readonly damaged: number
  readonly damagedBytes: number
}

export type Packing = Required<PackedAnswer<Taken>> & { readonly packed: Packed }

export interface DropArgs {
  readonly queue: number
  readonly now: number
  readonly n: number
}

export interface TakeArgs extends DropArgs {
  /** Damage is a CorruptionError, and nothing is taken. */
  readonly isStrict: boolean
}

export interface LeaseArgs extends TakeArgs, Settle {
  readonly deadline: number | null
  readonly isAhead: boolean
  readonly pick: Choice | undefined
}

export const takeOps = {
  'queue.peek': writingPacked((connection: Connection, args: TakeArgs): PackedAnswer<Taken> => {
    const scene = sceneOf(connection, args.queue)
    pass(scene, args.now)
    return whole(scene, args, () => front(scene, args))
  }),

  'queue.pop': writingPacked((connection: Connection, args: TakeArgs): PackedAnswer<Taken> => {
    const scene = sceneOf(connection, args.queue)
    pass(scene, args.now)
    const taken = whole(scene, args, () => front(scene, args))
    if (taken.value.ids.length > 0) remove(scene, taken)
    return taken
  }),

  /** Settles, and then takes into flight. */
  'queue.lease': writingPacked((connection: Connection, args: LeaseArgs): PackedAnswer<Taken> => {
    const scene = sceneOf(connection, args.queue)
    const holds = new Holds(scene, args.owner)
    settleAll(scene, args, holds)
    pass(scene, args.now)
    const { pick } = args
    const taken = whole(scene, args, () => (pick === undefined ? front(scene, args) : picked(scene, pick)))
    if (taken.value.ids.length > 0) fly(scene, args, taken)
    holds.taken(taken.value.ids)
    holds.write()
    return taken
  }),

  /** Drops so many from the front; how many there were. */
  'queue.delete': writing((connection: Connection, { queue, now, n }: DropArgs): Answer<number> => {
    const scene = sceneOf(connection, queue)
    const sums = pass(scene, now)
    return { value: Math.min(n, sums.ready) === 0 ? 0 : dropFront(scene, sums, Math.min(n, sums.ready)) }
  }),

  /** Drops what is ready or delayed; how many there were. */
  'queue.clear': writing((connection: Connection, { queue }: Pick<DropArgs, 'queue' | 'now'>): Answer<number> => {
    const scene = sceneOf(connection, queue)
    const { ready, delayed, isKeyed, bytes } = scene.sums()
    scene.run('DELETE FROM $ready')
    scene.run('DELETE FROM $delayed')
    if (isKeyed) scene.run('DELETE FROM $keys WHERE key NOT IN (SELECT key FROM $flying WHERE key IS NOT NULL)')
    const left = scene.number(`SELECT total(${BYTES}) FROM $flying`)
    scene.change({ ready: -ready, delayed: -delayed, bytes: left - bytes })
    return { value: ready + delayed }
  }),
}

/** What is read, but what of it is damaged: that is set aside, and it is read again. */
function whole(scene: Scene, { isStrict }: Pick<TakeArgs, 'isStrict'>, read: () => Packing): Packing {
  let damage = NO_DAMAGE
  for (;;) {
    const { value, packed } = read()
    const broken = brokenAmong(packed)
    if (broken.length === 0) return { value: { ...value, ...damage }, packed }
    const ids = broken.map((i) => value.ids[i] ?? 0)
    if (isStrict) throw new CorruptionError(`${scene.file}: the bytes of item ${ids[0]} are not as they were put`)
    const damagedBytes = broken.reduce((sum, i) => sum + (packed.lengths[i] ?? 0), damage.damagedBytes)
    damage = { damaged: damage.damaged + ids.length, damagedBytes }
    setAside(scene, ids)
  }
}

function setAside(scene: Scene, ids: readonly number[]): void {
  const sums = scene.sums()
  for (const id of ids) {
    const bytes = scene.number(`SELECT ${BYTES} FROM $ready WHERE id = ?`, id)
    scene.dropKeys(sums, '$ready', 'id = ?', id)
    const columns = 'attempt, enqueued, priority, key, payload'
    scene.run(
      `INSERT INTO $failed (id, reason, ${columns}) SELECT id, 'damaged', ${columns} FROM $ready WHERE id = ?`,
      id,
    )
    scene.run('DELETE FROM $ready WHERE id = ?', id)
    scene.change({ ready: -1, failed: 1, bytes: -bytes })
  }
  scene.run('UPDATE spoolq_queues SET lost = lost + ? WHERE id = $queue', ids.length)
}

const NO_DAMAGE = { damaged: 0, damagedBytes: 0 }
const ROW = 'id, attempt, enqueued, payload'
const ORDERS = { fifo: 'id', lifo: 'id DESC', priority: 'priority, id' } as const

/** Bytes that are put together as one; a queue that holds more than that may have so many in `n` rows. */
const PACKED_BYTES = 2 ** 28
const MANY = 4
// Times as differences from now: small numbers are written and read in half the time.
const ARRAYS = ['id', 'attempt', 'enqueued - ?', 'length(payload)'].map((sql) => `json_group_array(${sql})`).join()

/** The first `n` ready items. */
function front(scene: Scene, { n, now }: Pick<DropArgs, 'n' | 'now'>): Packing {
  const { ready, bytes } = scene.sums()
  const count = Math.min(n, ready)
  if (count === 0) return pieces([])
  const rows = `SELECT ${ROW} FROM $ready ORDER BY ${ORDERS[scene.order]} LIMIT ?`
  if (count < MANY || bytes > PACKED_BYTES) return pieces(scene.all(rows, count))
  // One row that holds them all costs half of as many rows. Bytes that are taken for text are not looked at.
  const row = scene.get(`SELECT ${ARRAYS}, CAST(group_concat(payload, '') AS BLOB) FROM (${rows})`, now, count) ?? []
  const [ids = [], attempts = [], ages = [], lengths = []] = row.slice(0, 4).map(listOf)
  const enqueued = ages.map((age) => now + age)
  const all = row[4]
  return {
    value: { ids: numbersOf(ids), attempts: numbersOf(attempts), enqueued: numbersOf(enqueued), ...NO_DAMAGE },
    packed: { lengths, bytes: all instanceof Uint8Array ? all : EMPTY },
  }
}

function listOf(json: Value): number[] {
  return JSON.parse(String(json))
}

/** That one, or the next by age behind that one, and after the last the first again. */
function picked(scene: Scene, pick: Choice): Packing {
  if ('id' in pick) return pieces(scene.all(`SELECT ${ROW} FROM $ready WHERE id = ?`, pick.id))
  const [beyond, order] = scene.order === 'lifo' ? ['id < ?', 'id DESC'] : ['id > ?', 'id']
  const next = scene.all(`SELECT ${ROW} FROM $ready WHERE ${beyond} ORDER BY ${order} LIMIT 1`, pick.after)
  return pieces(next.length > 0 ? next : scene.all(`SELECT ${ROW} FROM $ready ORDER BY ${order} LIMIT 1`))
}

/** The condition that holds for those that are first in order up to that one, and for no others. */
function upTo(scene: Scene, last: number): [where: string, ...values: Value[]] {
  if (scene.order === 'lifo') return ['id >= ?', last]
  if (scene.order === 'fifo') return ['id <= ?', last]
  return ['(priority, id) <= (?, ?)', scene.number('SELECT priority FROM $ready WHERE id = ?', last), last]
}

function remove(scene: Scene, { value: { ids }, packed }: Packing): void {
  const [where, ...values] = upTo(scene, ids.at(-1) ?? 0)
  scene.dropKeys(scene.sums(), '$ready', where, ...values)
  scene.run(`DELETE FROM $ready WHERE ${where}`, ...values)
  scene.change({ ready: -ids.length, bytes: ids.length * SEAL_BYTES - packed.bytes.length })
}

function fly(scene: Scene, { owner, deadline, isAhead, pick }: LeaseArgs, { value: { ids } }: Packing): void {
  const last = ids.at(-1) ?? 0
  const [where, ...values] = pick === undefined ? upTo(scene, last) : ['id = ?', last]
  const columns = 'id, attempt, enqueued, priority, key, owner, due, ahead, payload'
  const move = `INSERT INTO $flying (${columns}) SELECT id, attempt + 1, enqueued, priority, key, ?, ?, ?, payload
    FROM $ready WHERE ${where}`
  scene.run(move, owner, deadline, isAhead ? 1 : 0, ...values)
  scene.run(`DELETE FROM $ready WHERE ${where}`, ...values)
  const count = ids.length
  scene.change({ ready: -count, flying: count, timed: deadline === null ? 0 : count })
}

function dropFront(scene: Scene, sums: Sums, count: number): number {
  const last = scene.number(`SELECT id FROM $ready ORDER BY ${ORDERS[scene.order]} LIMIT 1 OFFSET ?`, count - 1)
  const [where, ...values] = upTo(scene, last)
  const bytes = scene.number(`SELECT total(${BYTES}) FROM $ready WHERE ${where}`, ...values)
  scene.dropKeys(sums, '$ready', where, ...values)
  const gone = scene.run(`DELETE FROM $ready WHERE ${where}`, ...values)
  scene.change({ ready: -gone, bytes: -bytes })
  return gone
}

export function pieces(rows: readonly Row[]): Packing {
  const at = (column: number): number[] => rows.map((row) => Number(row[column]))
  const value = { ids: at(0), attempts: at(1), enqueued: at(2), ...NO_DAMAGE }
  return { value, packed: rows.length === 0 ? NOTHING : pack(rows.map(payloadOf)) }
}

const EMPTY = new Uint8Array(0)

export function payloadOf(row: Row): Uint8Array {
  const bytes = row[3]
  return bytes instanceof Uint8Array ? bytes : EMPTY
}
