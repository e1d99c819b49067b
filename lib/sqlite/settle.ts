// settle.ts: what becomes of items in flight. All that is settled together is held, or nothing changes: the first that
// is not held throws, and what came before it is undone with the call.

import { SettledError } from '../errors.ts'
import type { HeldRange, Settlement } from '../store.ts'
import type { Holds } from './holds.ts'
import type { Moment } from './lapses.ts'
import { BYTES, type Change, type Scene, type Sums, sumOf } from './scene.ts'

export interface Settle extends Moment {
  readonly queue: number
  readonly owner: number
  readonly settlements: readonly Settlement[]
  /** Acknowledged items to keep. */
  readonly keep: number
}

/** What a range comes to. */
interface Held {
  readonly range: HeldRange
  readonly count: number
  readonly bytes: number
  /** How many of them have a deadline. */
  readonly timed: number
}

const ITEM = 'attempt, enqueued, priority, key, payload'

export function settleAll(scene: Scene, settle: Settle, holds: Holds): void {
  const { settlements, keep } = settle
  if (settlements.length === 0) return
  const settling = { ...settle, sums: scene.sums() }
  let all: Change = {}
  for (const settlement of settlements) {
    for (const range of settlement.ids) {
      const one = held(scene, settle, range)
      all = sumOf(all, settleOne(scene, settling, { settlement, held: one }))
      if (settlement.outcome !== 'again') holds.settled(range)
    }
  }
  scene.change(all)
  if (keep > 0) trim(scene, scene.sums(), keep)
}

/** Throws SettledError where one of them is not held by that owner any more. */
export function held(scene: Scene, { owner, now }: Pick<Settle, 'owner' | 'now'>, range: HeldRange): Held {
  const { from, to, attempt } = range
  const sql = `SELECT count(*), total(${BYTES}), count(due) FROM $flying
    WHERE id BETWEEN ? AND ? AND +owner = ? AND (due IS NULL OR +due > ?)${attempt === undefined ? '' : ' AND attempt = ?'}`
  const row = scene.get(sql, from, to, owner, now, ...(attempt === undefined ? [] : [attempt])) ?? []
  const count = Number(row[0])
  if (count === to - from + 1) return { range, count, bytes: Number(row[1]), timed: Number(row[2]) }
  const which = from === to ? `item ${from} is` : `items ${from} to ${to} are`
  throw new SettledError(`${which} not in flight here: settled already, or the lease went to somebody else`)
}

interface Settling extends Settle {
  /** Before all of it; whether items have keys does not change by settling. */
  readonly sums: Sums
}

interface One {
  readonly settlement: Settlement
  readonly held: Held
}

function settleOne(scene: Scene, settle: Settling, { settlement, held }: One): Change {
  const { outcome } = settlement
  if (outcome === 'ack') return ack(scene, settlement.kept === false ? { ...settle, keep: 0 } : settle, held)
  if (outcome === 'back') return back(scene, held, { counted: settlement.counted, due: dueOf(settlement, settle) })
  if (outcome === 'toBack') return toBack(scene, held, dueOf(settlement, settle))
  if (outcome === 'again') return again(scene, held, settlement)
  return fail(scene, settle.sums, { settlement, held })
}

function dueOf({ due }: { readonly due?: number | undefined }, { now, slept = 0 }: Settle): number | undefined {
  return due !== undefined && due > now + slept ? due : undefined
}

function ack(scene: Scene, { sums, keep }: Settling, { range, count, bytes, timed }: Held): Change {
  const { from, to } = range
  scene.dropKeys(sums, '$flying', 'id BETWEEN ? AND ?', from, to)
  if (keep > 0) {
    scene.run(`INSERT INTO $acked (id, ${ITEM}) SELECT id, ${ITEM} FROM $flying WHERE id BETWEEN ? AND ?`, from, to)
  }
  scene.run('DELETE FROM $flying WHERE id BETWEEN ? AND ?', from, to)
  return { flying: -count, bytes: -bytes, timed: -timed, acked: keep > 0 ? count : 0 }
}

/** No more acknowledged items stay than are kept: the oldest go. */
export function trim(scene: Scene, { acked }: Sums, keep: number): void {
  if (acked <= keep) return
  scene.run('DELETE FROM $acked WHERE id IN (SELECT id FROM $acked ORDER BY id LIMIT ?)', acked - keep)
  scene.change({ acked: keep - acked })
}

interface Back {
  readonly counted: boolean
  readonly due: number | undefined
}

function back(scene: Scene, { range, count, timed }: Held, { counted, due }: Back): Change {
  const { from, to } = range
  const attempts = counted ? 0 : -1
  if (due === undefined) scene.makeReady('$flying', attempts, 'id BETWEEN ? AND ?', from, to)
  else {
    const columns = ITEM.replace('attempt', 'attempt + ?')
    const insert = `INSERT INTO $delayed (id, due, ${ITEM}) SELECT id, ?, ${columns} FROM $flying WHERE id BETWEEN ? AND ?`
    scene.run(insert, due, attempts, from, to)
    scene.run('DELETE FROM $flying WHERE id BETWEEN ? AND ?', from, to)
  }
  const counts = due === undefined ? { ready: count } : { delayed: count }
  return { ...counts, flying: -count, timed: -timed }
}

function toBack(scene: Scene, { range, count, timed }: Held, due: number | undefined): Change {
  let id = scene.newIds(count)
  for (let old = range.from; old <= range.to; old += 1) {
    moveTo(scene, { from: '$flying', old, id, due })
    id += 1
  }
  scene.run('DELETE FROM $flying WHERE id BETWEEN ? AND ?', range.from, range.to)
  const counts = due === undefined ? { ready: count } : { delayed: count }
  return { ...counts, flying: -count, timed: -timed }
}

interface Move {
  readonly from: '$flying' | '$failed'
  readonly old: number
  readonly id: number
  readonly due: number | undefined
}

/** Earlier versions set items aside without their priority. */
const WITH_PRIORITY = ITEM.replace('priority', 'coalesce(priority, 0)')

/** A copy under a new id, which has the key from now on. */
function moveTo(scene: Scene, { from, old, id, due }: Move): void {
  const item = scene.order === 'priority' ? WITH_PRIORITY : ITEM
  if (due === undefined)
    scene.run(`INSERT INTO $ready (id, ${ITEM}) SELECT ?, ${item} FROM ${from} WHERE id = ?`, id, old)
  else {
    scene.run(`INSERT INTO $delayed (id, due, ${ITEM}) SELECT ?, ?, ${item} FROM ${from} WHERE id = ?`, id, due, old)
  }
  scene.run(
    `INSERT OR REPLACE INTO $keys (key, id) SELECT key, ? FROM ${from} WHERE id = ? AND key IS NOT NULL`,
    id,
    old,
  )
}

function again(
  scene: Scene,
  { range, count, timed }: Held,
  { hold = {} }: Extract<Settlement, { outcome: 'again' }>,
): Change {
  const due = hold.deadline || null
  const sql = 'UPDATE $flying SET attempt = attempt + 1, due = ?, ahead = ? WHERE id BETWEEN ? AND ?'
  scene.run(sql, due, hold.uncharged === true ? 1 : 0, range.from, range.to)
  return { timed: (due === null ? 0 : count) - timed }
}

interface Failing extends One {
  readonly settlement: Extract<Settlement, { outcome: 'fail' }>
}

function fail(scene: Scene, sums: Sums, { settlement, held: { range, count, bytes, timed } }: Failing): Change {
  const { reason, counted = true } = settlement
  const { from, to } = range
  scene.dropKeys(sums, '$flying', 'id BETWEEN ? AND ?', from, to)
  const columns = ITEM.replace('attempt', 'attempt + ?')
  const insert = `INSERT INTO $failed (id, reason, ${ITEM}) SELECT id, ?, ${columns} FROM $flying WHERE id BETWEEN ? AND ?`
  scene.run(insert, reason, counted ? 0 : -1, from, to)
  scene.run('DELETE FROM $flying WHERE id BETWEEN ? AND ?', from, to)
  return { flying: -count, failed: count, bytes: -bytes, timed: -timed }
}

/** Failed items are ready again under new ids; one whose key another item has by now stays failed. How many. */
export function retryAll(scene: Scene, ids: readonly number[] | undefined): number {
  let count = 0
  let bytes = 0
  for (const old of failedIds(scene, ids)) {
    const row = scene.get(`SELECT ${BYTES}, key FROM $failed WHERE id = ?`, old)
    const key = row?.[1] ?? null
    if (row === undefined) continue
    if (key !== null && scene.get('SELECT 1 FROM $keys WHERE key = ?', key) !== undefined) continue
    const id = scene.newIds(1)
    moveTo(scene, { from: '$failed', old, id, due: undefined })
    scene.run('UPDATE $ready SET attempt = 0 WHERE id = ?', id)
    scene.run('DELETE FROM $failed WHERE id = ?', old)
    count += 1
    bytes += Number(row[0])
  }
  if (count > 0) scene.change({ ready: count, failed: -count, bytes })
  return count
}

export function discardAll(scene: Scene, ids: readonly number[] | undefined): number {
  let count = 0
  if (ids === undefined) count = scene.run('DELETE FROM $failed')
  else for (const id of ids) count += scene.run('DELETE FROM $failed WHERE id = ?', id)
  if (count > 0) scene.change({ failed: -count })
  return count
}

function failedIds(scene: Scene, ids: readonly number[] | undefined): readonly number[] {
  if (ids !== undefined) return [...ids].sort((one, other) => one - other)
  return scene.all('SELECT id FROM $failed ORDER BY id').map(([id]) => Number(id))
}
