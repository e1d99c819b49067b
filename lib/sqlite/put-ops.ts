// put-ops.ts: items into a queue: one transaction gives the ids, writes the rows and counts them. Where there is a
// bound, it is asked there too: whoever else puts has either committed before or comes after.

import type { Bound } from '../store.ts'
import type { Connection } from './connection.ts'
import { writing } from './op.ts'
import { type Scene, type Sums, sceneOf } from './scene.ts'

export interface PutArgs {
  readonly queue: number
  readonly now: number
  readonly due: number
  readonly attempt: number
  readonly priority: number
  readonly bound: (Pick<Bound, 'items' | 'bytes'> & { readonly isDropping: boolean }) | undefined
  /** One an item, where the queue is unique. */
  readonly keys: readonly string[] | undefined
}

export interface PutResult {
  /** Of each item its id, or undefined where it was ignored; without keys the first one alone. */
  readonly ids: readonly (number | undefined)[]
  readonly dropped: number
}

interface Put {
  readonly scene: Scene
  readonly args: PutArgs
  readonly blobs: readonly Uint8Array[]
}

export const putOps = {
  /** Undefined where the bound leaves no room. Each blob is an item. */
  'queue.put': writing((connection: Connection, args: PutArgs, blobs) => {
    const put = { scene: sceneOf(connection, args.queue), args, blobs }
    return { value: args.keys === undefined ? append(put) : appendUnique(put, args.keys) }
  }),

  /** Another payload, and key, in the place of one item; false where there is none or the key is taken. */
  'queue.update': writing((connection: Connection, { queue, id, key, now }: UpdateArgs, [bytes]) => {
    const scene = sceneOf(connection, queue)
    scene.pass(now)
    const value = bytes !== undefined && update(scene, { id, bytes, key: key ?? null })
    return { value }
  }),
}

function append({ scene, args, blobs }: Put): PutResult | undefined {
  const dropped = makeRoom(scene, args, blobs)
  if (dropped === undefined) return undefined
  const firstId = scene.newIds(blobs.length)
  insert({ scene, args, blobs }, firstId)
  return { ids: [firstId], dropped }
}

function appendUnique({ scene, args, blobs }: Put, keys: readonly string[]): PutResult | undefined {
  const isNew = newAmong(scene, keys)
  const fresh = blobs.filter((_, i) => isNew[i])
  if (fresh.length === 0) return { ids: keys.map(() => undefined), dropped: 0 }
  const dropped = makeRoom(scene, args, fresh)
  if (dropped === undefined) return undefined
  const freshKeys = keys.filter((_, i) => isNew[i])
  let id = scene.newIds(fresh.length)
  insert({ scene, args, blobs: fresh }, id, freshKeys)
  return { ids: isNew.map((fresh) => (fresh ? id++ : undefined)), dropped }
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

function insert({ scene, args, blobs }: Put, firstId: number, keys?: readonly string[]): void {
  const { now, due, attempt } = args
  const count = blobs.length
  const priority = scene.order === 'priority' ? args.priority : null
  const isDelayed = due > now
  const isPlain = !isDelayed && attempt === 0 && priority === null && keys === undefined
  blobs.forEach((bytes, i) => {
    const id = firstId + i
    if (isPlain) scene.run('INSERT INTO $ready (id, enqueued, payload) VALUES (?, ?, ?)', id, now, bytes)
    else if (isDelayed) scene.run(INSERT_DELAYED, id, attempt, now, priority, keys?.[i] ?? null, due, bytes)
    else scene.run(INSERT_READY, id, attempt, now, priority, keys?.[i] ?? null, bytes)
  })
  keys?.forEach((key, i) => {
    scene.run('INSERT INTO $keys (key, id) VALUES (?, ?)', key, firstId + i)
  })
  if (keys !== undefined) setKeyed(scene)
  scene.change({ ready: isDelayed ? 0 : count, delayed: isDelayed ? count : 0, bytes: bytesOf(blobs) })
}

export const INSERT_READY = `INSERT INTO $ready (id, attempt, enqueued, priority, key, payload)
  VALUES (?, ?, ?, ?, ?, ?)`
const INSERT_DELAYED = `INSERT INTO $delayed (id, attempt, enqueued, priority, key, due, payload)
  VALUES (?, ?, ?, ?, ?, ?, ?)`

function setKeyed(scene: Scene): void {
  scene.run('UPDATE spoolq_queues SET keyed = 1 WHERE id = $queue AND keyed = 0')
}

/** How many items went to make room; undefined where there is none. */
function makeRoom(scene: Scene, { bound, now }: PutArgs, blobs: readonly Uint8Array[]): number | undefined {
  if (bound === undefined) return 0
  const sums = scene.pass(now)
  const items = sums.ready + sums.delayed + sums.flying + blobs.length - bound.items
  const bytes = bound.bytes === undefined ? 0 : sums.bytes + bytesOf(blobs) - bound.bytes
  if (items <= 0 && bytes <= 0) return 0
  return bound.isDropping ? dropOldest(scene, sums, { items, bytes }) : undefined
}

/** Ready items go, from the oldest on, until there are so many fewer; undefined where all of them are too few. */
function dropOldest(scene: Scene, sums: Sums, excess: { items: number; bytes: number }): number | undefined {
  let [count, bytes, last] = [0, 0, 0]
  while (count < excess.items || bytes < excess.bytes) {
    const rows = scene.all('SELECT id, length(payload) FROM $ready WHERE id > ? ORDER BY id LIMIT 256', last)
    if (rows.length === 0) return undefined
    for (const [id, length] of rows) {
      if (count >= excess.items && bytes >= excess.bytes) break
      last = Number(id)
      count += 1
      bytes += Number(length)
    }
  }
  scene.dropKeys(sums, '$ready', 'id <= ?', last)
  scene.run('DELETE FROM $ready WHERE id <= ?', last)
  scene.change({ ready: -count, bytes: -bytes })
  return count
}

export interface UpdateArgs {
  readonly queue: number
  readonly id: number
  readonly key: string | undefined
  readonly now: number
}

interface Update {
  readonly id: number
  readonly bytes: Uint8Array
  readonly key: string | null
}

function update(scene: Scene, { id, bytes, key }: Update): boolean {
  if (scene.run('UPDATE $failed SET payload = ?, key = ? WHERE id = ?', bytes, key, id) > 0) return true
  for (const table of ['$ready', '$delayed', '$flying'] as const) {
    const row = scene.get(`SELECT length(payload), key FROM ${table} WHERE id = ?`, id)
    if (row === undefined) continue
    const holder = key === null ? id : scene.number('SELECT id FROM $keys WHERE key = ?', key)
    if (holder !== 0 && holder !== id) return false
    const [length, before] = row
    if (before !== null && before !== undefined) scene.run('DELETE FROM $keys WHERE key = ?', before)
    if (key !== null) scene.run('INSERT OR REPLACE INTO $keys (key, id) VALUES (?, ?)', key, id)
    if (key !== null) setKeyed(scene)
    scene.run(`UPDATE ${table} SET payload = ?, key = ? WHERE id = ?`, bytes, key, id)
    scene.change({ bytes: bytes.length - Number(length) })
    return true
  }
  return false
}

function bytesOf(blobs: readonly Uint8Array[]): number {
  return blobs.reduce((sum, { length }) => sum + length, 0)
}
