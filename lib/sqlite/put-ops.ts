// put-ops.ts: items into a queue: one transaction gives the ids, writes the rows and counts them. Where there is a
// bound, it is asked there too: whoever else puts has either committed before or comes after.

import type { Bound } from '../store.ts'
import type { Connection } from './connection.ts'
import { textOf } from './driver.ts'
import { type Away, awayOf, type Moment, pass } from './lapses.ts'
import { type Packed, unpack } from './messages.ts'
import { writing, writingPacked } from './op.ts'
import { BYTES, type Scene, type Sums, sceneOf } from './scene.ts'
import { SEAL_BYTES } from './seal.ts'

export interface PutArgs extends Moment {
  readonly queue: number
  /** When it is put, in milliseconds since 1970. */
  readonly wall: number
  readonly due: number
  readonly attempt: number
  readonly priority: number
  readonly bound: (Pick<Bound, 'items' | 'bytes' | 'round'> & { readonly isDropping: boolean }) | undefined
  /** Whose rounds those are. */
  readonly owner: number
  /** One an item, where the queue is unique. */
  readonly keys: readonly string[] | undefined
}

export interface PutResult {
  /** Of each item its id, or undefined where it was ignored; without keys the first one alone. */
  readonly ids: readonly (number | undefined)[]
  readonly dropped: number
}

/** What there was no room for, though something may be dropped for it once it is ready. */
export interface NoRoomYet {
  readonly away: Away
}

interface Put {
  readonly scene: Scene
  readonly args: PutArgs
  readonly packed: Packed
}

export const putOps = {
  /** No PutResult where the bound leaves no room. Each blob is an item, sealed. */
  'queue.put': writingPacked((connection: Connection, args: PutArgs, packed) => {
    const put = { scene: sceneOf(connection, args.queue), args, packed }
    const result = args.keys === undefined ? append(put) : appendUnique(put, args.keys)
    return { value: result ?? noRoom(put) }
  }),

  /** Another payload, and key, in the place of one item; false where there is none or the key is taken. */
  'queue.update': writing((connection: Connection, args: UpdateArgs, [bytes]) => {
    const { queue, id, key } = args
    const scene = sceneOf(connection, queue)
    pass(scene, args)
    const value = bytes !== undefined && update(scene, { id, bytes, key: key ?? null })
    return { value }
  }),
}

function noRoom({ scene, args }: Put): NoRoomYet | undefined {
  return args.bound?.isDropping ? { away: awayOf(scene, args, scene.sums()) } : undefined
}

function append(put: Put): PutResult | undefined {
  const { scene, packed } = put
  const count = packed.lengths.length
  const size = { items: count, bytes: packed.bytes.length - count * SEAL_BYTES }
  const dropped = makeRoom(put, size)
  if (dropped === undefined) return undefined
  const firstId = scene.newIds(count)
  if (count < MANY) insert(put, unpack(packed), firstId)
  else insertMany(put, firstId)
  countIn(put, size)
  return { ids: [firstId], dropped }
}

function appendUnique(put: Put, keys: readonly string[]): PutResult | undefined {
  const { scene } = put
  const isNew = newAmong(scene, keys)
  const fresh = unpack(put.packed).filter((_, i) => isNew[i])
  if (fresh.length === 0) return { ids: keys.map(() => undefined), dropped: 0 }
  const size = { items: fresh.length, bytes: fresh.reduce((sum, { length }) => sum + length - SEAL_BYTES, 0) }
  const dropped = makeRoom(put, size, new Set(keys.filter((_, i) => !isNew[i])))
  if (dropped === undefined) return undefined
  let id = scene.newIds(fresh.length)
  const freshKeys = keys.filter((_, i) => isNew[i])
  insert(put, fresh, id, freshKeys)
  countIn(put, size)
  return { ids: isNew.map((isFresh) => (isFresh ? id++ : undefined)), dropped }
}

/** Of each key, whether nobody has it: no item that is ready, delayed or flying, and none before it. */
function newAmong(scene: Scene, keys: readonly string[]): boolean[] {
  const seen = new Set<string>()
  return keys.map((key) => {
    if (seen.has(key) || scene.get('SELECT 1 FROM $keys WHERE key = ?', key) !== undefined) return false
    seen.add(key)
    return true
  })
}

const INSERT_READY = `INSERT INTO $ready (id, attempt, enqueued, priority, key, payload) VALUES (?, ?, ?, ?, ?, ?)`
const INSERT_DELAYED = `INSERT INTO $delayed (id, attempt, enqueued, priority, key, due, payload)
  VALUES (?, ?, ?, ?, ?, ?, ?)`

/** One by one. */
function insert({ scene, args }: Put, blobs: readonly Uint8Array[], firstId: number, keys?: readonly string[]): void {
  const { wall, due, attempt } = args
  const priority = priorityOf(scene, args)
  const delayed = isDelayed(args)
  blobs.forEach((bytes, i) => {
    const id = firstId + i
    const key = keys?.[i] ?? null
    if (delayed) scene.run(INSERT_DELAYED, id, attempt, wall, priority, key, due, bytes)
    else scene.run(INSERT_READY, id, attempt, wall, priority, key, bytes)
    if (key !== null) scene.run('INSERT INTO $keys (key, id) VALUES (?, ?)', key, id)
  })
  if (keys !== undefined) setKeyed(scene)
}

/** From this many on, one statement that cuts them out of the packed bytes costs half of as many statements. */
const MANY = 4
/** A place as one whole number: where its bytes begin, and how many they are. */
const LENGTH_BITS = 24
const LENGTH_LIMIT = 2 ** LENGTH_BITS
const CUT = `substr(?, (value >> ${LENGTH_BITS}) + 1, value & ${LENGTH_LIMIT - 1}) FROM json_each(?)`
const CUT_READY = `INSERT INTO $ready (id, attempt, enqueued, priority, payload) SELECT ? + key, ?, ?, ?, ${CUT}`
const CUT_DELAYED = `INSERT INTO $delayed (id, attempt, enqueued, priority, due, payload)
  SELECT ? + key, ?, ?, ?, ?, ${CUT}`

/** As rows that one statement cuts out of the packed bytes; where one is too long for that, one by one. */
function insertMany(put: Put, firstId: number): void {
  const { scene, args, packed } = put
  const { wall, due, attempt } = args
  let at = 0
  const places = packed.lengths.map((length) => {
    at += length
    return (at - length) * LENGTH_LIMIT + length
  })
  const isTooLong = at * LENGTH_LIMIT > Number.MAX_SAFE_INTEGER || packed.lengths.some((one) => one >= LENGTH_LIMIT)
  if (isTooLong) return insert(put, unpack(packed), firstId)
  const common = [firstId, attempt, wall, priorityOf(scene, args)]
  const cut = [packed.bytes, `[${places.join()}]`]
  if (isDelayed(args)) scene.run(CUT_DELAYED, ...common, due, ...cut)
  else scene.run(CUT_READY, ...common, ...cut)
}

function priorityOf(scene: Scene, { priority }: PutArgs): number | null {
  return scene.order === 'priority' ? priority : null
}

function isDelayed({ due, now, slept = 0 }: PutArgs): boolean {
  return due > now + slept
}

function countIn({ scene, args }: Put, { items, bytes }: Size): void {
  const delayed = isDelayed(args)
  scene.change({ ready: delayed ? 0 : items, delayed: delayed ? items : 0, bytes })
}

interface Size {
  readonly items: number
  readonly bytes: number
}

interface Wanted extends Size {
  /** Keys of items that nothing is dropped of. */
  readonly kept: ReadonlySet<string>
}

const NONE: ReadonlySet<string> = new Set()

function setKeyed(scene: Scene): void {
  scene.run('UPDATE spoolq_queues SET keyed = 1 WHERE id = $queue AND keyed = 0')
}

/** How many items went to make room, none of them with a key that is kept; undefined where there is none. */
function makeRoom(put: Put, size: Size, kept: ReadonlySet<string> = NONE): number | undefined {
  const { bound, owner } = put.args
  if (bound === undefined) return 0
  const rounds = put.scene.roundsOf(owner)
  const dropped = rounds.isOver(bound) ? undefined : dropFor(put, bound, { ...size, kept })
  if (dropped === undefined) rounds.end(bound)
  return dropped
}

function dropFor({ scene, args }: Put, bound: NonNullable<PutArgs['bound']>, size: Wanted): number | undefined {
  const sums = pass(scene, args)
  const items = sums.ready + sums.delayed + sums.flying + size.items - bound.items
  const bytes = bound.bytes === undefined ? 0 : sums.bytes + size.bytes - bound.bytes
  if (items <= 0 && bytes <= 0) return 0
  return bound.isDropping ? dropOldest(scene, sums, { items, bytes, kept: size.kept }) : undefined
}

/** Ready items go, from the oldest on, until there are so many fewer; undefined where all of them are too few. */
function dropOldest(scene: Scene, sums: Sums, excess: Wanted): number | undefined {
  const ids: number[] = []
  let [bytes, last] = [0, 0]
  while (ids.length < excess.items || bytes < excess.bytes) {
    const rows = scene.all(
      `SELECT id, ${BYTES}, CAST(key AS BLOB) FROM $ready WHERE id > ? ORDER BY id LIMIT 256`,
      last,
    )
    if (rows.length === 0) return undefined
    for (const [id, length, key] of rows) {
      if (ids.length >= excess.items && bytes >= excess.bytes) break
      last = Number(id)
      if (key !== null && excess.kept.has(textOf(key))) continue
      ids.push(last)
      bytes += Number(length)
    }
  }
  const those = 'id IN (SELECT value FROM json_each(?))'
  scene.dropKeys(sums, '$ready', those, JSON.stringify(ids))
  scene.run(`DELETE FROM $ready WHERE ${those}`, JSON.stringify(ids))
  scene.change({ ready: -ids.length, bytes: -bytes })
  return ids.length
}

export interface UpdateArgs extends Moment {
  readonly queue: number
  readonly id: number
  readonly key: string | undefined
}

interface Update {
  readonly id: number
  readonly bytes: Uint8Array
  readonly key: string | null
}

function update(scene: Scene, { id, bytes, key }: Update): boolean {
  if (scene.run(`UPDATE $failed SET payload = ?, key = ? WHERE id = ?`, bytes, key, id) > 0) return true
  for (const table of ['$ready', '$delayed', '$flying'] as const) {
    const row = scene.get(`SELECT ${BYTES}, key FROM ${table} WHERE id = ?`, id)
    if (row === undefined) continue
    const holder = key === null ? id : scene.number('SELECT id FROM $keys WHERE key = ?', key)
    if (holder !== 0 && holder !== id) return false
    const [length, before] = row
    if (before !== null && before !== undefined) scene.run('DELETE FROM $keys WHERE key = ?', before)
    if (key !== null) scene.run('INSERT OR REPLACE INTO $keys (key, id) VALUES (?, ?)', key, id)
    if (key !== null) setKeyed(scene)
    scene.run(`UPDATE ${table} SET payload = ?, key = ? WHERE id = ?`, bytes, key, id)
    scene.change({ bytes: bytes.length - SEAL_BYTES - Number(length) })
    return true
  }
  return false
}
