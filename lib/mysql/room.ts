// room.ts: which puts of one transaction go in, in the order of their calls: those for which their bound leaves room,
// made by dropping ready items from the front where it says so, and of unique ones what has no equal. Where nothing is
// bounded or unique there is nothing to ask; else the queue's row is locked first, so that nobody puts meanwhile.

import { bytesOf } from '../share.ts'
import type { Bound } from '../store.ts'
import type { Link } from './driver.ts'
import type { Outcome, Put } from './putter.ts'
import { READY } from './schema.ts'
import { lockingIds } from './settle.ts'
import { rangeOf, text, withIds } from './statements.ts'
import type { Tally } from './tally.ts'

interface Dropped {
  readonly id: number
  readonly bytes: number
  readonly key: Buffer | undefined
}

export class Room {
  readonly #queue: number
  readonly #front: string
  readonly #puts: readonly Put[]
  readonly #dropped: Dropped[] = []
  readonly #keys = new Set<string>()
  #items = 0
  #bytes = 0
  #count = 0

  /** `front`: the order of a take. */
  constructor(queue: number, front: string, puts: readonly Put[]) {
    this.#queue = queue
    this.#front = front
    this.#puts = puts
  }

  /** Whether anything has to be asked before it is decided. */
  get asks(): boolean {
    return this.#puts.some(({ keys, options }) => keys !== undefined || options.bound !== undefined)
  }

  /** What becomes of each put; begins the transaction where `asks`. */
  async decide(link: Link): Promise<Outcome[]> {
    if (this.asks) await this.#look(link)
    const outcomes: Outcome[] = []
    for (const put of this.#puts) outcomes.push(await this.#decideOne(link, put))
    return outcomes
  }

  /** The statements that drop what makes way. */
  drops(tally: Tally): string[] {
    if (this.#dropped.length === 0) return []
    for (const { bytes } of this.#dropped) tally.move(1, bytes, { from: READY })
    const where = `queue = ${this.#queue} AND ${withIds(this.#dropped.map(({ id }) => rangeOf(id)))}`
    const isKeyed = this.#dropped.some(({ key }) => key !== undefined)
    return [`DELETE FROM spoolq_items WHERE ${where}`, ...(isKeyed ? [`DELETE FROM spoolq_keys WHERE ${where}`] : [])]
  }

  /** Told to the puts whose bounds dropped something, once that is committed. */
  tell(): void {
    for (const [put, count] of this.#drops) put.options.bound?.dropped?.(count)
  }

  readonly #drops = new Map<Put, number>()

  async #look(link: Link): Promise<void> {
    const keys = new Set(this.#puts.flatMap(({ keys = [] }) => keys))
    const queue = `queue = ${this.#queue}`
    const [, , , sums, known] = await link.ask([
      'BEGIN',
      'SET @first = NULL',
      lockingIds(this.#queue),
      `SELECT COALESCE(SUM(ready + waiting + flying), 0), COALESCE(SUM(bytes), 0) FROM spoolq_tallies WHERE ${queue}`,
      keys.size === 0
        ? 'DO 0'
        : `SELECT ukey FROM spoolq_keys WHERE ${queue} AND ukey IN (${[...keys].map(text).join()})`,
    ])
    this.#items = Number(sums?.rows[0]?.[0])
    this.#bytes = Number(sums?.rows[0]?.[1])
    for (const [key] of known?.rows ?? []) this.#keys.add(String(key))
  }

  async #decideOne(link: Link, put: Put): Promise<Outcome> {
    const fresh = put.keys && freshOf(put.keys, this.#keys)
    const documents = put.documents.filter((_, i) => fresh?.[i] ?? true)
    const bytes = bytesOf(documents)
    const { bound } = put.options
    if (
      bound !== undefined &&
      documents.length > 0 &&
      !(await this.#makesRoom(link, put, { items: documents.length, bytes }))
    ) {
      return undefined
    }
    for (const [i, key] of (put.keys ?? []).entries()) if (fresh?.[i]) this.#keys.add(key)
    this.#items += documents.length
    this.#bytes += bytes
    return put.documents.map((_, i) => ((fresh?.[i] ?? true) ? this.#count++ : undefined))
  }

  async #makesRoom(link: Link, put: Put, wanted: { items: number; bytes: number }): Promise<boolean> {
    const { items, bytes = Infinity, whenFull }: Bound = put.options.bound ?? { items: Infinity }
    const excess = { items: this.#items + wanted.items - items, bytes: this.#bytes + wanted.bytes - bytes }
    if (excess.items <= 0 && excess.bytes <= 0) return true
    if (whenFull !== 'drop-oldest' || wanted.items > items || wanted.bytes > bytes) return false
    const way = await this.#oldest(link, excess)
    if (way === undefined) return false
    this.#dropped.push(...way)
    this.#items -= way.length
    this.#bytes -= way.reduce((sum, { bytes }) => sum + bytes, 0)
    for (const { key } of way) if (key !== undefined) this.#keys.delete(String(key))
    this.#drops.set(put, way.length)
    return true
  }

  /** As many ready items from the front as come to that excess, locked; undefined where there are too few. */
  async #oldest(link: Link, excess: { items: number; bytes: number }): Promise<Dropped[] | undefined> {
    const found: Dropped[] = []
    let bytes = 0
    for (let limit = Math.max(excess.items, 64); ; limit *= 2) {
      const skip = this.#dropped.length
      const rows = await this.#front64(link, skip + limit)
      found.splice(0)
      bytes = 0
      for (const row of rows.slice(skip)) {
        if (found.length >= excess.items && bytes >= excess.bytes) break
        found.push(row)
        bytes += row.bytes
      }
      if (found.length >= excess.items && bytes >= excess.bytes) return found
      if (rows.length < skip + limit) return undefined
    }
  }

  async #front64(link: Link, limit: number): Promise<Dropped[]> {
    const [read] = await link.ask([
      `SELECT id, LENGTH(payload), ukey FROM spoolq_items FORCE INDEX (spoolq_front)
        WHERE queue = ${this.#queue} AND status = ${READY} ORDER BY ${this.#front} LIMIT ${limit} FOR UPDATE SKIP LOCKED`,
    ])
    return (read?.rows ?? []).map(([id, bytes, key]) => ({
      id: Number(id),
      bytes: Number(bytes),
      key: Buffer.isBuffer(key) ? key : undefined,
    }))
  }
}

function freshOf(keys: readonly string[], known: ReadonlySet<string>): boolean[] {
  const own = new Set<string>()
  return keys.map((key) => {
    if (known.has(key) || own.has(key)) return false
    own.add(key)
    return true
  })
}
