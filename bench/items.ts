// items.ts: what is put. Each item tells its number, so that whoever takes it can check that it is the one due:
//
//   S   { id, ts, name of 16 characters, ok }, 49 bytes in msgpack
//   M   1 KiB of bytes, its number in the first four
//   R   records as they come: the positions of a ferry, and in between the packages of this project's lock file, whose
//       fields differ from one to the next

import { readFileSync } from 'node:fs'

export interface Keyed {
  readonly id: number
}
export type Item = Keyed | Uint8Array
export type PayloadName = 'S' | 'M' | 'R'

const project = new URL('../../', import.meta.url)
const made = new Map<PayloadName, Item[]>()

/** As many items of that kind, numbered from 0: the same objects at each call. */
export function itemsOf(payload: PayloadName, count: number): Item[] {
  const items = made.get(payload) ?? []
  if (items.length < count) items.push(...extend(payload, items.length, count))
  made.set(payload, items)
  return items.length === count ? items : items.slice(0, count)
}

function extend(payload: PayloadName, from: number, to: number): Item[] {
  const make = { S: small, M: medium, R: record }[payload]
  return Array.from({ length: to - from }, (_, i) => make(from + i))
}

function small(id: number): Keyed {
  const item = { id, ts: 1_700_000_000_000 + id, name: `item ${String(id).padStart(11, '0')}`, ok: id % 3 > 0 }
  return item
}

function medium(id: number): Uint8Array {
  // A sequence that no compression shortens much: a peer that compresses shall not be flattered.
  const bytes = Buffer.allocUnsafeSlow(1024)
  let state = id + 1
  for (let at = 0; at < 1024; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    bytes.writeInt32LE(state ^ (state >>> 15), at)
  }
  bytes.writeUInt32LE(id, 0)
  return bytes
}

let records: readonly object[] | undefined

function record(id: number): Keyed {
  records ??= mixed()
  return { id, ...records[id % records.length] }
}

function mixed(): object[] {
  const lines = readFileSync(new URL('examples/data/crossing.csv', project), 'utf8').trim().split('\n').slice(2)
  const lock: { packages: Record<string, object> } = JSON.parse(
    readFileSync(new URL('package-lock.json', project), 'utf8'),
  )
  const packages = Object.entries(lock.packages).map(([path, about]) => ({ path, ...about }))
  return lines.map((line, at) => (at % 3 === 2 ? (packages[at % packages.length] ?? {}) : position(line)))
}

function position(line: string): object {
  const [time, ...numbers] = line.split(',')
  const [latitude, longitude, knots, course] = numbers.map(Number)
  return { time, latitude, longitude, knots, course }
}

export function numberOf(item: Item): number {
  if (!(item instanceof Uint8Array)) return item.id
  return (item[0] ?? 0) + (item[1] ?? 0) * 0x100 + (item[2] ?? 0) * 0x1_0000 + (item[3] ?? 0) * 0x100_0000
}

/** Sees what comes out, and objects where it is not the item that was due. */
export class Sequence {
  #due = 0

  readonly see = (item: Item | undefined): void => {
    if (item === undefined || numberOf(item) !== this.#due) {
      const came = item === undefined ? 'nothing' : `item ${numberOf(item)}`
      throw new Error(`item ${this.#due} was due, and ${came} came`)
    }
    this.#due++
  }

  readonly seeAll = (items: readonly Item[]): void => {
    for (const item of items) this.see(item)
  }

  /** Objects where fewer or more came. */
  end(count: number): void {
    if (this.#due !== count) throw new Error(`${this.#due} of ${count} items came`)
  }
}

export function* groupsOf(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}
