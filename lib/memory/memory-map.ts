// memory-map.ts: maps in memory: for tests, and the model that the other stores are held against. A name is shared by all
// handles of the process that give it, and keeps its entries while the process lives, open or not.

import { CodecMismatchError, QueueClosedError } from '../errors.ts'
import type * as seam from '../map-store.ts'

interface Entry extends seam.Stored, seam.PageEntry {
  readonly bytes: Uint8Array
}

/** The entries of one name. */
class Contents {
  readonly codec: string
  readonly entries = new Map<string, Entry>()
  /** By place; deleted ones stay until they are half of it. */
  order: Entry[] = []
  nextPlace = 1

  constructor(codec: string) {
    this.codec = codec
  }
}

const named = new Map<string, Contents>()

export class MemoryMap implements seam.MapStore {
  readonly #contents: Contents
  #state: 'open' | 'closed' = 'open'

  /** An empty name is nobody else's. */
  static async open(name: string, map: string, options: seam.MapStoreOptions): Promise<MemoryMap> {
    const key = JSON.stringify([name, map])
    const contents = named.get(key) ?? new Contents(options.codec ?? 'msgpack')
    if (options.codec !== undefined && options.codec !== contents.codec) {
      const what = `memory:${name}?map=${map} was written with codec '${contents.codec}', not '${options.codec}'`
      throw new CodecMismatchError(`${what}: open it without naming one`)
    }
    if (name !== '') named.set(key, contents)
    return new MemoryMap(contents)
  }

  private constructor(contents: Contents) {
    this.#contents = contents
  }

  get codec(): string {
    return this.#contents.codec
  }

  async get(key: string): Promise<seam.Stored | undefined> {
    return this.#entries().get(key)
  }

  async has(key: string): Promise<boolean> {
    return this.#entries().has(key)
  }

  async set(key: string, bytes: Uint8Array): Promise<void> {
    this.#set(key, bytes, this.#entries().get(key))
  }

  async replace(key: string, bytes: Uint8Array, seen: seam.Stored | undefined): Promise<seam.Replaced> {
    const now = this.#entries().get(key)
    if (now?.place !== seen?.place || now?.version !== seen?.version) return { done: false, now }
    this.#set(key, bytes, now)
    return { done: true }
  }

  async delete(key: string): Promise<boolean> {
    const entries = this.#entries()
    const deleted = entries.delete(key)
    const { order } = this.#contents
    if (order.length > 2 * entries.size + 64) this.#contents.order = order.filter((entry) => this.#isLive(entry))
    return deleted
  }

  async clear(): Promise<number> {
    const entries = this.#entries()
    const { size } = entries
    entries.clear()
    this.#contents.order = []
    return size
  }

  async size(): Promise<number> {
    return this.#entries().size
  }

  async page({ after, entries, bytes, values }: seam.PageOptions): Promise<readonly seam.PageEntry[]> {
    const all = this.#entries()
    const { order } = this.#contents
    const page: seam.PageEntry[] = []
    let size = 0
    for (let i = this.#firstBehind(after); i < order.length && page.length < entries; i += 1) {
      const entry = all.get(order[i]?.key ?? '')
      if (entry === undefined || entry.place !== order[i]?.place) continue
      size += entry.key.length + (values ? entry.bytes.length : 0)
      if (page.length > 0 && size > bytes) break
      page.push(entry)
    }
    return page
  }

  async close(): Promise<void> {
    this.#state = 'closed'
  }

  #entries(): Map<string, Entry> {
    if (this.#state === 'closed') throw new QueueClosedError()
    return this.#contents.entries
  }

  #set(key: string, bytes: Uint8Array, old: Entry | undefined): void {
    const { entries, order } = this.#contents
    if (old !== undefined) {
      entries.set(key, { ...old, bytes, version: old.version + 1 })
      return
    }
    const entry = { key, bytes, place: this.#contents.nextPlace, version: 1 }
    this.#contents.nextPlace += 1
    entries.set(key, entry)
    order.push(entry)
  }

  #isLive({ key, place }: Entry): boolean {
    return this.#contents.entries.get(key)?.place === place
  }

  /** The index of the first entry behind that place. */
  #firstBehind(place: number): number {
    const { order } = this.#contents
    let from = 0
    let to = order.length
    while (from < to) {
      const middle = (from + to) >> 1
      if ((order[middle]?.place ?? Infinity) > place) to = middle
      else from = middle + 1
    }
    return from
  }
}
