// room.ts: which puts of one transaction go in, in the order of their calls: those for which their bound leaves room,
// made by dropping the oldest ready items where it says so, and of unique ones what has no equal. Where nothing is
// bounded or unique there is nothing to ask; else the queue's row is locked first, so that nobody puts meanwhile.

import type { Rounds } from '../rounds.ts'
import { bytesOf } from '../share.ts'
import type { Bound } from '../store.ts'
import { systemClock } from '../wait/clock.ts'
import type { Cell, Link } from './driver.ts'
import type { Fronts } from './fronts.ts'
import { lockingIds } from './ids.ts'
import type { Outcome, Put } from './putter.ts'
import { READY } from './schema.ts'
import { deletingItems, deletingKeys, listsOf, lotsOf, text } from './statements.ts'
import type { Tally } from './tally.ts'

/** From so many rows on, a trip more is cheaper than a variable in each row. */
const MANY = 64

/** The next id, and the time by the server's clock, in microseconds since 1970. */
export interface Begun {
  readonly first: number
  readonly now: number
}

interface Droppable {
  readonly bytes: number
  readonly key: string | undefined
}

interface Amount {
  readonly items: number
  readonly bytes: number
}

/** Keys are none that are empty. */
interface Wanted extends Amount {
  /** Keys of items that nothing is dropped of. */
  readonly kept: ReadonlySet<string>
}

export interface RoomOptions {
  readonly rounds: Rounds
  /** Characters of a statement. */
  readonly most: number
}

export class Room {
  readonly #fronts: Fronts
  readonly #puts: readonly Put[]
  readonly #rounds: Rounds
  readonly #most: number
  readonly #dropped: Stored[] = []
  /** What these puts put themselves, and may drop again: by offset. */
  readonly #own = new Map<number, Droppable>()
  readonly #unborn = new Set<number>()
  readonly #keys = new Set<string>()
  readonly #told = new Map<Put, number>()
  #begun: Begun | undefined
  readonly #mayDrop: boolean
  #held = { items: 0, bytes: 0 }
  #count = 0

  constructor(fronts: Fronts, puts: readonly Put[], { rounds, most }: RoomOptions) {
    this.#fronts = fronts
    this.#puts = puts
    this.#rounds = rounds
    this.#most = most
    this.#mayDrop = puts.some(({ options }) => options.bound?.whenFull === 'drop-oldest')
  }

  /** What was asked for when the transaction was begun, if it was. */
  get begun(): Begun | undefined {
    return this.#begun
  }

  /** Items that got an id. */
  get count(): number {
    return this.#count
  }

  /** Put, and dropped by a later one of these puts. */
  isUnborn(offset: number): boolean {
    return this.#unborn.has(offset)
  }

  /** What becomes of each put. */
  async decide(link: Link): Promise<Outcome[]> {
    const isBound = this.#puts.some(({ keys, options }) => keys !== undefined || options.bound !== undefined)
    if (isBound || this.#puts.reduce((sum, { documents }) => sum + documents.length, 0) >= MANY) {
      await this.#look(link, isBound)
    }
    const outcomes: Outcome[] = []
    for (const put of this.#puts) {
      const isFree = put.keys === undefined && put.options.bound === undefined
      outcomes.push(isFree ? this.#letIn(put) : await this.#decideOne(link, put))
    }
    return outcomes
  }

  /** The statements that drop what makes way. */
  drops(tally: Tally): string[] {
    if (this.#dropped.length === 0) return []
    for (const { bytes } of this.#dropped) tally.move(1, bytes, { from: READY })
    const ids = this.#dropped.map(({ id }) => id)
    const { queue } = this.#fronts
    const isKeyed = this.#dropped.some(({ key }) => key !== undefined)
    return [...deletingItems(queue, ids), ...(isKeyed ? deletingKeys(queue, ids) : [])]
  }

  /** Told to the puts whose bounds dropped something, once that is committed. */
  tell(): void {
    for (const [put, count] of this.#told) put.options.bound?.dropped?.(count)
  }

  async #look(link: Link, isBound: boolean): Promise<void> {
    const queue = `queue = ${this.#fronts.queue}`
    const sums = 'SUM(ready + waiting + flying + timed), SUM(bytes)'
    const [, first, held] = await link.ask([
      'BEGIN',
      lockingIds(this.#fronts.queue),
      ...(isBound ? [`SELECT ${sums} FROM spoolq_tallies WHERE ${queue}`] : []),
    ])
    const [id = 0, now = 0] = (first?.rows[0] ?? []).map(Number)
    this.#begun = { first: id, now }
    const [items = 0, bytes = 0] = (held?.rows[0] ?? []).map(Number)
    this.#held = { items, bytes }
    await this.#lookForKeys(link)
  }

  async #lookForKeys(link: Link): Promise<void> {
    const keys = new Set(this.#puts.flatMap(({ keys = [] }) => keys))
    for (const lot of lotsOf([...keys].map(text), this.#most)) {
      const [known] = await link.ask([
        `SELECT ukey FROM spoolq_keys WHERE queue = ${this.#fronts.queue} AND ukey IN (${lot.join()})`,
      ])
      for (const [key] of known?.rows ?? []) this.#keys.add(String(key))
    }
  }

  async #decideOne(link: Link, put: Put): Promise<Outcome> {
    const { documents, keys, options } = put
    const fresh = keys && freshOf(keys, this.#keys)
    const those = documents.filter((_, i) => fresh?.[i] ?? true)
    const ignored = new Set(keys?.filter((_, i) => fresh?.[i] === false))
    const wanted = { items: those.length, bytes: bytesOf(those), kept: ignored }
    const { bound } = options
    if (bound !== undefined && those.length > 0 && !(await this.#makesRoom(link, put, wanted))) {
      this.#rounds.end(bound)
      return undefined
    }
    return this.#letIn(put, fresh)
  }

  /** Those that are fresh get their places. */
  #letIn({ documents, keys, options }: Put, fresh?: readonly boolean[]): Outcome {
    const isReady = this.#mayDrop && (options.due ?? 0) <= systemClock.now()
    return documents.map(({ bytes }, i) => {
      if (fresh?.[i] === false) return undefined
      const key = keys?.[i]
      if (key !== undefined) this.#keys.add(key)
      if (isReady) this.#own.set(this.#count, { bytes: bytes.length, key })
      this.#held.items += 1
      this.#held.bytes += bytes.length
      return this.#count++
    })
  }

  async #makesRoom(link: Link, put: Put, wanted: Wanted): Promise<boolean> {
    const { items, bytes = Infinity, whenFull }: Bound = put.options.bound ?? { items: Infinity }
    if (put.options.bound !== undefined && this.#rounds.isOver(put.options.bound)) return false
    const excess = { items: this.#held.items + wanted.items - items, bytes: this.#held.bytes + wanted.bytes - bytes }
    if (excess.items <= 0 && excess.bytes <= 0) return true
    if (whenFull !== 'drop-oldest' || wanted.items > items || wanted.bytes > bytes) return false
    return this.#drop(link, put, { ...excess, kept: wanted.kept })
  }

  /** The oldest ready items that come to that excess go; false where there are too few. */
  async #drop(link: Link, put: Put, excess: Wanted): Promise<boolean> {
    const stored = await this.#oldest(link, excess)
    const isFree = ([offset, { key = '' }]: [number, Droppable]) => !this.#unborn.has(offset) && !excess.kept.has(key)
    const own = [...this.#own].filter(isFree)
    const all = [...stored, ...own.map(([offset, { bytes, key }]) => ({ offset, bytes, key }))]
    const count = countOf(all, excess)
    const bytes = sizeOf(all.slice(0, count))
    if (count < excess.items || bytes < excess.bytes) return false
    for (const one of all.slice(0, count)) {
      if ('id' in one) this.#dropped.push(one)
      else this.#unborn.add(one.offset)
      if (one.key !== undefined) this.#keys.delete(one.key)
    }
    this.#held = { items: this.#held.items - count, bytes: this.#held.bytes - bytes }
    this.#told.set(put, count)
    return true
  }

  /**
   * As many ready items by their ids as come to that excess, locked, and no other, which somebody would skip; or all that
   * nobody else has locked.
   */
  async #oldest(link: Link, excess: Wanted): Promise<Stored[]> {
    const tried = new Set(this.#dropped.map(({ id }) => id))
    const found: Stored[] = []
    for (let limit = Math.max(excess.items, 64); ; limit *= 4) {
      const from = this.#fronts.byId(READY)
      const [read] = await link.ask([
        `SELECT id, LENGTH(payload), ukey ${from} LIMIT ${tried.size + excess.kept.size + limit}`,
      ])
      const others = (read?.rows ?? [])
        .map(storedOf)
        .filter(({ id, key = '' }) => !tried.has(id) && !excess.kept.has(key))
      const wanted = others.slice(
        0,
        countOf(others, { items: excess.items - found.length, bytes: excess.bytes - sizeOf(found) }),
      )
      if (wanted.length === 0) break
      const ids = wanted.map(({ id }) => id)
      for (const id of ids) tried.add(id)
      for (const list of listsOf(ids)) {
        const these = `${this.#fronts.these(list)} FOR UPDATE SKIP LOCKED`
        const [locked] = await link.ask([`SELECT id, LENGTH(payload), ukey ${these}`])
        found.push(...(locked?.rows ?? []).map(storedOf))
      }
      if (found.length >= excess.items && sizeOf(found) >= excess.bytes) break
    }
    return found.sort((one, other) => one.id - other.id)
  }
}

interface Stored extends Droppable {
  readonly id: number
}

function storedOf([id, bytes, key]: readonly Cell[]): Stored {
  return { id: Number(id), bytes: Number(bytes), key: Buffer.isBuffer(key) ? key.toString() : undefined }
}

function sizeOf(all: readonly Droppable[]): number {
  return all.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** How many of the first come to that amount, or all. */
function countOf(all: readonly Droppable[], { items, bytes }: Amount): number {
  let [count, size] = [0, 0]
  while (count < all.length && (count < items || size < bytes)) size += all[count++]?.bytes ?? 0
  return count
}

function freshOf(keys: readonly string[], known: ReadonlySet<string>): boolean[] {
  const own = new Set<string>()
  return keys.map((key) => {
    if (known.has(key) || own.has(key)) return false
    own.add(key)
    return true
  })
}
