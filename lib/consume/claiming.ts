// claiming.ts: items for good in two steps, leased and then removed, where it has to be seen first what comes: whether there
// are enough of them, and whether they have attempts left.
//
//      lease ──▶ held ──remove──▶ the caller's          held ──giveBack──▶ ready, uncounted
//        └──attempts are spent, does not decode──▶ set aside
//
// Whoever dies between leasing and removing has not seen them.

import type { DocumentReader } from '../codec/index.ts'
import type { Piece } from '../store.ts'
import { giveBack, heldRanges, withinLimit } from './attempts.ts'
import type { Core } from './core.ts'
import { decodeMarked } from './decoding.ts'
import type { Held } from './held.ts'
import { decodeLot, type Lot, rangesOf } from './lot.ts'

const TAKEN_AHEAD = { uncharged: true } as const

export class Claiming<T> {
  readonly #core: Core<T>
  readonly #reader: DocumentReader<T>

  constructor(core: Core<T>, reader: DocumentReader<T>) {
    this.#core = core
    this.#reader = reader
  }

  /** Up to `n` items, as many as are ready. `signal`: ends the wait for a lock, before anything is taken. */
  async lease(n: number, signal?: AbortSignal): Promise<Held<T>[]> {
    const all: Held<T>[] = []
    try {
      // A store may need several steps for many.
      for (let pieces = await this.#step(n, signal); pieces !== undefined; pieces = await this.#step(n - all.length)) {
        const { held, bad } = this.#decode(pieces)
        all.push(...held)
        const undecodable = { outcome: 'fail', ids: rangesOf(bad), reason: 'codec' } as const
        if (bad.length > 0) await this.#core.setAsides.settle([undecodable])
      }
      return all
    } catch (error) {
      await this.giveBack(all).catch(ignore)
      throw error
    }
  }

  #decode(pieces: readonly Piece[]): Lot<T> {
    if (this.#core.maxAttempts === Infinity) return decodeLot(this.#reader, pieces)
    return decodeMarked(this.#core, this.#reader, pieces)
  }

  async remove(held: readonly Held<T>[]): Promise<T[]> {
    if (held.length === 0) return []
    try {
      await this.#core.store.settle([{ outcome: 'ack', ids: heldRanges(held).take(), kept: false }])
    } catch (error) {
      await this.giveBack(held).catch(ignore)
      throw error
    }
    return held.map(({ item }) => item)
  }

  async giveBack(held: readonly Held<T>[]): Promise<void> {
    if (held.length > 0) await this.#core.store.settle(giveBack(held, false), true)
  }

  /** Removes up to `n` items undecoded; resolves to how many there were. */
  async delete(n: number): Promise<number> {
    let dropped = 0
    for (let pieces = await this.#step(n); pieces !== undefined; pieces = await this.#step(n - dropped)) {
      if (pieces.length === 0) continue
      await this.#drop(pieces)
      dropped += pieces.reduce((sum, { count }) => sum + count, 0)
    }
    return dropped
  }

  async #drop(pieces: readonly Piece[]): Promise<void> {
    const { store } = this.#core
    try {
      await store.settle([{ outcome: 'ack', ids: rangesOf(pieces), kept: false }])
    } catch (error) {
      await store.settle([{ outcome: 'back', ids: rangesOf(pieces), counted: false }], true).catch(ignore)
      throw error
    }
  }

  /** What the next lease brings, but what has had all its attempts; undefined: nothing is ready, or wanted. */
  async #step(n: number, signal?: AbortSignal): Promise<readonly Piece[] | undefined> {
    const pieces = n === 0 ? [] : await this.#core.store.lease(n, [], signal ? { ...TAKEN_AHEAD, signal } : TAKEN_AHEAD)
    if (pieces.length === 0) return undefined
    const { good, spent } = withinLimit(pieces, this.#core.maxAttempts)
    await this.#core.setAsides.settle(spent)
    return good
  }
}

function ignore(): void {}
