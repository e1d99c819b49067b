// json.ts: JSON. What it can't hold is changed as JSON.stringify does (a Date becomes text, NaN null, an undefined
// property is left out), but nothing vanishes whole: a function or a symbol anywhere, or an undefined item, is an error.

import { isDate } from 'node:util/types'
import { asBuffer, type Codec } from './codec.ts'
import { hasToJSON } from './to-json.ts'

// Deeper, it holds itself: JSON.stringify would say so too, but only after this walk.
const MAX_DEPTH = 1000

export const json: Codec<unknown> = {
  name: 'json',
  encode: (item) => Buffer.from(textOf(item)),
  decode: (bytes) => JSON.parse(asBuffer(bytes).toString()),
  encodeBatch: (items) => Buffer.from(`[${items.map(textOf).join()}]`),
  decodeBatch: (bytes) => JSON.parse(asBuffer(bytes).toString()),
}

function textOf(item: unknown): string {
  // A replacer costs five times as much: only where a toJSON may return what the walk has not seen.
  const text: unknown = isHooked(item, 0) ? JSON.stringify(item, refused) : JSON.stringify(item)
  if (typeof text !== 'string') throw new TypeError('undefined has no JSON')
  return text
}

/** A replacer: it is called with the object that holds the value. */
function refused(this: unknown, _key: string, value: unknown): unknown {
  if (typeof value === 'symbol') throw new TypeError('a symbol has no JSON')
  if (value instanceof Promise) throw new TypeError('a Promise has no JSON')
  if (typeof value !== 'function') return value
  // Beside a toJSON, which has been asked, functions are left out.
  if (typeof this === 'object' && this !== null && hasToJSON(this)) return undefined
  throw new TypeError('a function has no JSON')
}

/** Throws where there is a function or a symbol; true where there is a toJSON. */
function isHooked(value: unknown, depth: number): boolean {
  refused.call(undefined, '', value)
  if (typeof value !== 'object' || value === null) return false
  if (isDate(value) || ArrayBuffer.isView(value)) return false
  if (hasToJSON(value)) return true
  if (depth >= MAX_DEPTH) throw new RangeError(`it holds itself, or is nested more than ${MAX_DEPTH} levels deep`)
  const parts: readonly unknown[] = Array.isArray(value) ? value : Object.values(value)
  let hooked = false
  for (const part of parts) if (isHooked(part, depth + 1)) hooked = true
  return hooked
}
