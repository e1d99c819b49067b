// unique.ts: the keys by which a store knows that two items are equal: SHA-256 in base64url, of
//
//     f"…"      what the user's function returned
//     c…        the canonical form of the item as it will come out: keys of objects, maps and sets in order
//     b…        its encoded bytes, where it holds something that has no canonical form (an object of a class, a cycle):
//               what differs is never taken for equal, though equal ones may not be seen
//
// Strings are quoted as in JSON, where no two strings are the same.

import { createHash } from 'node:crypto'
import { wrongType } from './check.ts'
import { type Codec, DocumentReader } from './codec/index.ts'
import type { Unique } from './options.ts'
import type { Document } from './store.ts'

export class Keys<T> {
  readonly #unique: Exclude<Unique<T>, false>
  readonly #reader: DocumentReader<unknown>

  constructor(unique: Exclude<Unique<T>, false>, codec: Codec<T>) {
    this.#unique = unique
    this.#reader = new DocumentReader(codec)
  }

  /** The key of one item, of which `document` holds nothing else. Throws what the user's function throws. */
  of(item: T, document: Document): string {
    return typeof this.#unique === 'function' ? keyBy(this.#unique, item) : this.ofStored(document)
  }

  /** The key of what will come out of the document, where no function says otherwise. */
  ofStored(document: Document): string {
    const { items } = this.#reader.take({ firstId: 1, count: 1, document, skip: 0, attempt: 0, enqueuedAt: 0 })
    const canonical = items.length === 1 ? canonicalOf(items[0]) : undefined
    return canonical === undefined ? digest('b', document.bytes) : digest('c', canonical)
  }
}

/** The key that the user's function says. */
export function keyBy<T>(unique: (item: T) => string, item: T): string {
  const key: unknown = unique(item)
  if (typeof key !== 'string') throw wrongType('unique', 'a function that returns a string', key)
  return digest('f', JSON.stringify(key))
}

function digest(kind: string, content: string | Uint8Array): string {
  return createHash('sha256').update(kind).update(content).digest('base64url')
}

/** The same text for equal values and for no others, or undefined where it cannot tell. */
export function canonicalOf(value: unknown): string | undefined {
  try {
    return form(value)
  } catch (error) {
    // Also a RangeError: a cycle, or too deep.
    if (error instanceof Formless || error instanceof RangeError) return undefined
    throw error
  }
}

class Formless extends Error {}

function form(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') return String(value) // 0 for -0 too
  if (typeof value === 'bigint') return `${value}n`
  if (value === null || typeof value === 'boolean' || value === undefined) return String(value)
  if (typeof value !== 'object') throw new Formless()
  if (Array.isArray(value)) return `[${Array.from(value, form).join()}]`
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return properties(value)
  return special(value, prototype)
}

function properties(value: object): string {
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${form(one)}`).join()}}`
}

/** Objects of the classes that codecs know; none of a class derived from them. */
function special(value: object, prototype: unknown): string {
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value
    const bytes = Buffer.from(buffer, byteOffset, byteLength)
    return `${Object.prototype.toString.call(value)}(${bytes.toString('base64')})`
  }
  if (Object.keys(value).length > 0) throw new Formless()
  if (prototype === Date.prototype && value instanceof Date) return `Date(${value.getTime()})`
  if (prototype === Set.prototype && value instanceof Set) return `Set(${[...value].map(form).sort().join()})`
  if (prototype === Map.prototype && value instanceof Map) {
    const entries = [...value].map(([key, one]) => `${form(key)}:${form(one)}`)
    return `Map(${entries.sort().join()})`
  }
  throw new Formless()
}
