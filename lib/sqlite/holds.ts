// holds.ts: which owner holds what, roughly: how many items in flight it has among ids that lie together. So what a handle
// held that is gone is found without looking through what the others hold. (An index of the items on their owners would
// tell it exactly, and cost as much again as moving them: a thousand items mostly lie in one block or two.)
//
//      spoolq_N_holds      owner, block, count           ids from block * 4096 on; a row where count > 0
//
// What a transaction takes and what it settles are counted up, and only the difference is written.

import type { IdRange } from '../store.ts'
import type { Scene } from './scene.ts'

const BLOCK_IDS = 4096

export class Holds {
  readonly #scene: Scene
  readonly #owner: number
  readonly #changes = new Map<number, number>()

  constructor(scene: Scene, owner: number) {
    this.#scene = scene
    this.#owner = owner
  }

  taken(ids: Iterable<number>): void {
    let [block, count] = [0, 0]
    for (const id of ids) {
      if (blockOf(id) !== block) {
        this.#count(block, count)
        block = blockOf(id)
        count = 0
      }
      count += 1
    }
    this.#count(block, count)
  }

  settled({ from, to }: IdRange): void {
    for (let block = blockOf(from); block <= blockOf(to); block += 1) {
      const { from: first, to: last } = idsOf(block)
      this.#count(block, Math.max(from, first) - Math.min(to, last) - 1)
    }
  }

  write(): void {
    for (const [block, change] of this.#changes) if (change !== 0) changeHold(this.#scene, this.#owner, block, change)
    this.#changes.clear()
  }

  #count(block: number, change: number): void {
    this.#changes.set(block, (this.#changes.get(block) ?? 0) + change)
  }
}

/** Where the items of that owner are. */
export function holdsOf(scene: Scene, owner: number): IdRange[] {
  return scene.all('SELECT block FROM $holds WHERE owner = ?', owner).map(([block]) => idsOf(Number(block)))
}

/** Of whomever: those whose lease has ended are about to go. */
export function expireHolds(scene: Scene, now: number): void {
  const sql = `SELECT owner, id / ${BLOCK_IDS}, count(*) FROM $flying WHERE due <= ? GROUP BY 1, 2`
  for (const [owner, block, count] of scene.all(sql, now)) {
    changeHold(scene, Number(owner), Number(block), -Number(count))
  }
}

/** So many of that block are gone; Infinity: all. */
export function releaseHold(scene: Scene, owner: number, { from }: IdRange, count: number): void {
  if (count < Infinity) changeHold(scene, owner, blockOf(from), -count)
  else scene.run('DELETE FROM $holds WHERE owner = ? AND block = ?', owner, blockOf(from))
}

export function dropHolds(scene: Scene, owner: number): void {
  scene.run('DELETE FROM $holds WHERE owner = ?', owner)
}

function changeHold(scene: Scene, owner: number, block: number, change: number): void {
  const upsert = `INSERT INTO $holds (owner, block, count) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count`
  scene.run(upsert, owner, block, change)
  if (change < 0) scene.run('DELETE FROM $holds WHERE owner = ? AND block = ? AND count = 0', owner, block)
}

function blockOf(id: number): number {
  return Math.floor(id / BLOCK_IDS)
}

function idsOf(block: number): IdRange {
  return { from: block * BLOCK_IDS, to: (block + 1) * BLOCK_IDS - 1 }
}
