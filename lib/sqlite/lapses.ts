// lapses.ts: what becomes ready without anybody settling it: delayed items that are due, items whose lease has ended, and
// those of an owner that is gone. An item that was only taken ahead is not charged an attempt; of such an owner's, those
// that its marks name were in hand (marks.ts).

import { dropHolds, expireHolds, holdsOf } from './holds.ts'
import { readMarks } from './marks.ts'
import type { Scene, Sums } from './scene.ts'

/** What has become due, or was held for too long, is ready. */
export function pass(scene: Scene, now: number, sums = scene.sums()): Sums {
  let passed = false
  if (sums.delayed > 0 && scene.number('SELECT min(due) FROM $delayed') <= now) {
    const count = scene.makeReady('$delayed', 0, 'due <= ?', now)
    scene.change({ ready: count, delayed: -count })
    passed = true
  }
  if (sums.timed > 0) passed = expire(scene, now) || passed
  return passed ? scene.sums() : sums
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

/** For an owner that is gone: what it holds is ready. How many. */
export function giveBack(scene: Scene, owner: number): number {
  scene.forget(owner)
  charge(scene, owner, 'TRUE')
  let [count, timed] = [0, 0]
  for (const { from, to } of holdsOf(scene, owner)) {
    const where = 'id BETWEEN ? AND ? AND owner = ?'
    uncharge(scene, owner, 'id BETWEEN ? AND ?', from, to)
    timed += scene.number(`SELECT count(due) FROM $flying WHERE ${where}`, from, to, owner)
    count += scene.makeReady('$flying', 0, where, from, to, owner)
  }
  dropHolds(scene, owner)
  if (count > 0) scene.change({ ready: count, flying: -count, timed: -timed })
  return count
}

/** What was in hand counts as handed out, and not as taken ahead. */
function charge(scene: Scene, owner: number, where: string, ...values: readonly number[]): void {
  const marked = `UPDATE $flying SET ahead = 0 WHERE id BETWEEN ? AND ? AND owner = ? AND ${where}`
  for (const { from, to } of readMarks(scene.file, owner)) scene.run(marked, from, to, owner, ...values)
}

function uncharge(scene: Scene, owner: number, where: string, ...values: readonly number[]): void {
  scene.run(
    `UPDATE $flying SET attempt = attempt - 1, ahead = 0 WHERE owner = ? AND ahead = 1 AND ${where}`,
    owner,
    ...values,
  )
}
