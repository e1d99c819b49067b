// lapses.ts: what becomes ready without anybody settling it: delayed items that are due, items whose lease has ended, and
// those of an owner that is gone. An item that was only taken ahead is not charged an attempt; of such an owner's, those
// that its marks name were in hand (marks.ts).

import type { IdRange } from '../store.ts'
import { dropHolds, expireHolds, holdsOf, releaseHold } from './holds.ts'
import { marksOf } from './marks.ts'
import { BYTES, type Scene, type Sums } from './scene.ts'

/** When a call is made, by the clock of the file's host (host-time.ts): leases end by `now`, delays by `now + slept`. */
export interface Moment {
  readonly now: number
  /** Default: 0. */
  readonly slept?: number | undefined
}

/** What has become due, or was held for too long, is ready. */
export function pass(scene: Scene, { now, slept = 0 }: Moment, sums = scene.sums()): Sums {
  let passed = false
  if (sums.delayed > 0 && scene.number('SELECT min(due) FROM $delayed') <= now + slept) {
    const count = scene.makeReady('$delayed', 0, 'due <= ?', now + slept)
    scene.change({ ready: count, delayed: -count })
    passed = true
  }
  if (sums.timed > 0) passed = expire(scene, now) || passed
  return passed ? scene.sums() : sums
}

/** What may become ready without anybody settling it. */
export interface Away {
  readonly flying: number
  /** Milliseconds until the next delay ends, or the next lease. */
  readonly dueInMs: number
}

export function awayOf(scene: Scene, { now, slept = 0 }: Moment, { delayed, flying, timed }: Sums): Away {
  const first = (table: string): number => scene.number(`SELECT min(due) FROM ${table} WHERE due IS NOT NULL`)
  const dueInMs = delayed > 0 ? first('$delayed') - now - slept : Infinity
  return { flying, dueInMs: timed > 0 ? Math.min(dueInMs, first('$flying') - now) : dueInMs }
}

function expire(scene: Scene, now: number): boolean {
  const first = scene.get('SELECT min(due) FROM $flying WHERE due IS NOT NULL')?.[0] ?? Infinity
  if (Number(first) > now) return false
  const owners = scene.all('SELECT DISTINCT +owner FROM $flying WHERE due <= ? AND ahead = 1', now)
  for (const [owner] of owners) {
    charge(scene, Number(owner), 'due <= ?', now)
    uncharge(scene, Number(owner), 'due <= ?', now)
  }
  expireHolds(scene, now)
  const count = scene.makeReady('$flying', 0, 'due <= ?', now)
  scene.change({ ready: count, flying: -count, timed: -count })
  return count > 0
}

/** How many items are ready again; or some of them, because there is not room on the disk for more at once. */
export interface GivenBack {
  readonly items: number
  readonly isMore: boolean
}

/** For an owner that is gone: what it holds is ready. */
export function giveBack(scene: Scene, owner: number): GivenBack {
  scene.forget(owner)
  charge(scene, owner, 'TRUE')
  const holds = holdsOf(scene, owner)
  const [block] = holds
  if (block !== undefined && scene.sums().bytes > scene.takeBytes) {
    const to = lastMovable(scene, owner, block)
    const items = giveBackAmong(scene, owner, { from: block.from, to })
    releaseHold(scene, owner, block, to < block.to ? items : Infinity)
    return { items, isMore: true }
  }
  const items = holds.reduce((sum, range) => sum + giveBackAmong(scene, owner, range), 0)
  dropHolds(scene, owner)
  return { items, isMore: false }
}

function giveBackAmong(scene: Scene, owner: number, { from, to }: IdRange): number {
  const where = 'id BETWEEN ? AND ? AND owner = ?'
  uncharge(scene, owner, 'id BETWEEN ? AND ?', from, to)
  const timed = scene.number(`SELECT count(due) FROM $flying WHERE ${where}`, from, to, owner)
  const count = scene.makeReady('$flying', 0, where, from, to, owner)
  if (count > 0) scene.change({ ready: count, flying: -count, timed: -timed })
  return count
}

/** Up to which id there is room to move what the owner holds there; beyond the first one in any case. */
function lastMovable(scene: Scene, owner: number, { from, to }: IdRange): number {
  let left = scene.takeBytes
  let last = 0
  const sql = `SELECT id, ${BYTES} FROM $flying WHERE id BETWEEN ? AND ? AND +owner = ? ORDER BY id`
  for (const [id, length] of scene.all(sql, from, to, owner)) {
    left -= Number(length)
    if (left < 0 && last > 0) return last
    last = Number(id)
  }
  return to
}

/** What was in hand counts as handed out, and not as taken ahead. */
function charge(scene: Scene, owner: number, where: string, ...values: readonly number[]): void {
  const marked = `UPDATE $flying SET ahead = 0 WHERE id BETWEEN ? AND ? AND owner = ? AND ${where}`
  for (const { from, to } of marksOf(scene.file, owner)) scene.run(marked, from, to, owner, ...values)
}

function uncharge(scene: Scene, owner: number, where: string, ...values: readonly number[]): void {
  scene.run(
    `UPDATE $flying SET attempt = attempt - 1, ahead = 0 WHERE owner = ? AND ahead = 1 AND ${where}`,
    owner,
    ...values,
  )
}
