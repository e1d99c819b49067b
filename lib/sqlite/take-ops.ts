// take-ops.ts: items out of a queue, from the front of what is ready. They are read in order, and then cut off as one
// range, because whatever is ready lies in that order:
//
//      fifo   id <= last        lifo   id >= last        priority   id IN (the first so many)
//
// An order by two columns is no range to SQLite: for `(priority, id) <= …` it looks at all that have the priority.

import { CorruptionError } from '../errors.ts'
import type { Pick as Choice } from '../store.ts'
import type { Connection } from './connection.ts'
import type { Value } from './driver.ts'
import { front, marksOf, movable, NO_DAMAGE, ORDERS, type Packing, picked, type Taken } from './front.ts'
import { Holds } from './holds.ts'
import { type Away, awayOf, type Moment, pass } from './lapses.ts'
import { type Answer, type PackedAnswer, writing, writingPacked } from './op.ts'
import { BYTES, type Scene, type Sums, sceneOf } from './scene.ts'
import { brokenAmong, SEAL_BYTES } from './seal.ts'
import { type Settle, settleAll } from './settle.ts'

export interface DropArgs extends Moment {
  readonly queue: number
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
    return whole(scene, args, pass(scene, args), (sums) => front(scene, sums, args))
  }),

  'queue.pop': writingPacked((connection: Connection, args: TakeArgs): PackedAnswer<Taken> => {
    const scene = sceneOf(connection, args.queue)
    const sums = pass(scene, args)
    const taken = whole(scene, args, sums, (now) => front(scene, now, args))
    if (taken.ids.length === 0) return withAway(taken, awayOf(scene, args, sums))
    const marks = marksOf(scene, sums, taken.ids.length)
    remove(scene, sums, taken)
    return { ...taken, value: { ...taken.value, marks } }
  }),

  /** Settles, and then takes into flight. */
  'queue.lease': writingPacked((connection: Connection, args: LeaseArgs): PackedAnswer<Taken> => {
    const scene = sceneOf(connection, args.queue)
    const holds = new Holds(scene, args.owner)
    settleAll(scene, args, holds)
    const { pick } = args
    const read = (sums: Sums): Packing => {
      return pick === undefined ? front(scene, sums, { n: movable(scene, sums, args.n) }) : picked(scene, pick)
    }
    const sums = pass(scene, args)
    const taken = whole(scene, args, sums, read)
    if (taken.ids.length > 0) fly(scene, args, taken.ids)
    holds.taken(taken.ids)
    holds.write()
    return taken.ids.length > 0 ? taken : withAway(taken, awayOf(scene, args, sums))
  }),

  /** Drops so many from the front; how many there were. */
  'queue.delete': writing((connection: Connection, args: DropArgs): Answer<number> => {
    const scene = sceneOf(connection, args.queue)
    const sums = pass(scene, args)
    const count = Math.min(args.n, sums.ready)
    return { value: count === 0 ? 0 : dropFront(scene, sums, count) }
  }),

  /** Drops what is ready or delayed; how many there were. */
  'queue.clear': writing((connection: Connection, args: Omit<DropArgs, 'n'>): Answer<number> => {
    const scene = sceneOf(connection, args.queue)
    const { ready, delayed, isKeyed, bytes } = pass(scene, args)
    scene.run('DELETE FROM $ready')
    scene.run('DELETE FROM $delayed')
    if (isKeyed) scene.run('DELETE FROM $keys WHERE key NOT IN (SELECT key FROM $flying WHERE key IS NOT NULL)')
    const left = scene.number(`SELECT total(${BYTES}) FROM $flying`)
    scene.change({ ready: -ready, delayed: -delayed, bytes: left - bytes })
    return { value: ready + delayed }
  }),
}

/** Who found nothing waits: for what is delayed or in flight, if anything is. */
function withAway(taken: Packing, away: Away): Packing {
  return { ...taken, value: { ...taken.value, away } }
}

/** What is read, but what of it is damaged: that is set aside, and it is read again. */
function whole(scene: Scene, args: Pick<TakeArgs, 'isStrict'>, first: Sums, read: (sums: Sums) => Packing): Packing {
  let damage = NO_DAMAGE
  for (let sums = first; ; sums = scene.sums()) {
    const taken = read(sums)
    const { value, packed } = taken
    const broken = brokenAmong(packed)
    if (broken.length === 0) return { ...taken, value: { ...value, ...damage } }
    const ids = broken.map((i) => taken.ids[i] ?? 0)
    if (args.isStrict) throw new CorruptionError(`${scene.file}: the bytes of item ${ids[0]} are not as they were put`)
    const damagedBytes = broken.reduce((sum, i) => sum + (packed.lengths[i] ?? 0), damage.damagedBytes)
    damage = { damaged: damage.damaged + ids.length, damagedBytes }
    setAside(scene, sums, ids)
  }
}

function setAside(scene: Scene, sums: Sums, ids: readonly number[]): void {
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

/** So many, of which that one is the last. */
interface Cut {
  readonly last: number
  readonly count: number
}

/** The condition that holds for those that are first in order up to that one, and for no others. */
function upTo(scene: Scene, { last, count }: Cut): [where: string, ...values: Value[]] {
  if (scene.order === 'lifo') return ['id >= ?', last]
  if (scene.order === 'fifo') return ['id <= ?', last]
  return [`id IN (SELECT id FROM $ready ORDER BY ${ORDERS.priority} LIMIT ?)`, count]
}

function remove(scene: Scene, sums: Sums, { ids, packed }: Packing): void {
  const [where, ...values] = upTo(scene, { last: ids.at(-1) ?? 0, count: ids.length })
  scene.dropKeys(sums, '$ready', where, ...values)
  scene.run(`DELETE FROM $ready WHERE ${where}`, ...values)
  scene.change({ ready: -ids.length, bytes: ids.length * SEAL_BYTES - packed.bytes.length })
}

function fly(scene: Scene, { owner, deadline, isAhead, pick }: LeaseArgs, ids: readonly number[]): void {
  const last = ids.at(-1) ?? 0
  const [where, ...values] = pick === undefined ? upTo(scene, { last, count: ids.length }) : ['id = ?', last]
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
  const [where, ...values] = upTo(scene, { last, count })
  const bytes = scene.number(`SELECT total(${BYTES}) FROM $ready WHERE ${where}`, ...values)
  scene.dropKeys(sums, '$ready', where, ...values)
  const gone = scene.run(`DELETE FROM $ready WHERE ${where}`, ...values)
  scene.change({ ready: -gone, bytes: -bytes })
  return gone
}
