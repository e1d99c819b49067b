// msgpack-writer.ts: items as MessagePack, with the extension types that msgpackr reads. Never change a byte of it:
// what was written yesterday is read tomorrow.
//
// msgpackr's own writer leaves holes without a word: a function becomes undefined, -0 becomes 0, half a surrogate pair
// and a key named __proto__ come back as something else, a Map as an object, and a subclass of a typed array not at
// all. Looking for these beforehand takes a second walk, a third more time. Here the walk that writes meets them all.
//
// Three forms:
//   plain    an object is a map of its keys. The quickest for one item, but it has no room for Maps.
//   records  an object is  d4 72 id [keys] values…  the first time and  id values…  from then on, with an id of 40–7f;
//            a map is a Map. For many items of few shapes: 30 bytes an item where plain takes 43.
//   exact    for what the other two can't hold. A map with string keys is an object; one with a number as its only key
//            is  { 0: [[key, value] …] } a Map,  { 1: bytes } a text in UTF-16,  { 2: [key, value …] } an object,
//            { 3: [class, [key, value …], [key, value …]] } an Error, its hidden properties before those that are
//            enumerated,  { 4: [source, flags] } a regular expression.
// Until format 2 an Error was  d4 65 00 [name, message, cause]  in all three, as msgpackr writes it, and lost the rest.
// Where a form can't hold an item, writing it throws INEXACT.
//
// Left out on purpose, as JSON does: symbols as keys, properties that are inherited or not enumerable, and the class.
// Holes of an array come back as undefined.

import { isBoxedPrimitive, isDate, isMap, isNativeError, isRegExp, isSet } from 'node:util/types'
import { isUtf8Text, MsgpackBytes } from './msgpack-bytes.ts'
import { partsOf } from './msgpack-errors.ts'
import { Shapes } from './shapes.ts'
import { hasToJSON, withoutFunctions } from './to-json.ts'

export type Form = 'plain' | 'records' | 'exact'

/** Thrown where an item needs the exact form. */
export const INEXACT = Symbol('the item needs the exact form')

/** The kinds of map with a number as key, in the exact form. */
export const EXACT = { map: 0, text: 1, object: 2, error: 3, regExp: 4 } as const

// Deeper than anybody nests, and far from what overflows the stack of whoever reads it.
const MAX_DEPTH = 1000
const FIRST_RECORD = 0x40

// msgpackr's order: the place is the code.
const TYPED_ARRAYS = 'Int8 Uint8 Uint8Clamped Int16 Uint16 Int32 Uint32 Float32 Float64 BigInt64 BigUint64'.split(' ')
const ARRAY_BUFFER = 16
const DATA_VIEW = 17

export class MsgpackWriter extends MsgpackBytes {
  readonly #shapes = new Shapes()
  #form: Form = 'plain'
  #depth = 0
  #busy = false

  /** True while it writes: a getter or a toJSON that puts an item needs a writer of its own. */
  get busy(): boolean {
    return this.#busy
  }

  /** The value as bytes that nothing changes later, behind the byte `lead` if there is one. */
  write(value: unknown, form: Form, lead?: number): Buffer {
    this.start(form)
    if (lead !== undefined) this.byte(lead)
    this.append(value, 0)
    return this.finish()
  }

  /** What follows is in this form, and knows no shapes yet. */
  protected start(form: Form): undefined {
    this.begin()
    this.#form = form
    if (form === 'records') this.#shapes.clear()
  }

  /** One more value; where it throws, all is forgotten but the first `kept` bytes. */
  protected append(value: unknown, kept: number): undefined {
    this.#busy = true
    this.#depth = 0
    try {
      this.#value(value)
    } catch (error) {
      this.rewind(kept)
      throw error
    } finally {
      this.#busy = false
    }
  }

  #value(value: unknown): undefined {
    switch (typeof value) {
      case 'string':
        return this.text(value)
      case 'number':
        return this.number(value)
      case 'boolean':
        return this.byte(value ? 0xc3 : 0xc2)
      case 'undefined':
        return this.mark(0, 0)
      case 'bigint':
        return this.bigint(value)
      case 'object':
        return value === null ? this.byte(0xc0) : this.#object(value)
      default:
        throw new TypeError(`a ${typeof value} can't be stored`)
    }
  }

  #object(value: object): undefined {
    if (++this.#depth > MAX_DEPTH) {
      throw new RangeError(`it holds itself, or is nested more than ${MAX_DEPTH} levels deep`)
    }
    if (Array.isArray(value)) {
      this.#array(value)
    } else {
      const prototype: unknown = Object.getPrototypeOf(value)
      if (prototype === Object.prototype || prototype === null) this.#properties(value as Record<string, unknown>)
      else this.#special(value)
    }
    this.#depth--
  }

  #array(values: readonly unknown[]): undefined {
    const { length } = values
    this.arrayOf(length)
    for (let i = 0; i < length; i++) this.#value(values[i])
  }

  #properties(value: Record<string, unknown>): undefined {
    if (this.#form === 'records') return this.#record(value)
    const keys = Object.keys(value)
    if (this.#form === 'exact' && keys.some((key) => !isUtf8Text(key))) return this.#pairs(value)
    const from = this.written
    this.mapOf(keys.length)
    for (const key of keys) {
      if (key === '__proto__' && this.#form === 'plain') throw INEXACT
      const property = value[key]
      if (typeof property === 'function') return this.#hooked(value, key, from)
      this.text(key)
      this.#value(property)
    }
  }

  #pairs(value: object): undefined {
    this.#wrap(EXACT.object)
    this.#array(Object.entries(value).flat())
  }

  #record(value: Record<string, unknown>): undefined {
    const shape = this.#shapes.of(value)
    if (shape === undefined) throw INEXACT
    const from = this.written
    if (this.#shapes.isDefined(shape)) {
      this.byte(FIRST_RECORD + shape.id)
    } else {
      if (shape.keys.includes('__proto__')) throw INEXACT
      this.#shapes.define(shape)
      this.mark(0x72, FIRST_RECORD + shape.id)
      this.#array(shape.keys)
    }
    let count = 0
    for (const key in value) {
      const property = value[key]
      if (typeof property === 'function') return this.#hooked(value, key, from)
      this.#value(property)
      count++
    }
    if (count !== shape.keys.length) throw new TypeError('its properties changed while they were read')
  }

  /** A property is a function: all right where it is, or stands beside, the object's own toJSON. */
  #hooked(value: object, key: string, from: number): undefined {
    if (!hasToJSON(value)) throw new TypeError(`its property '${key}' is a function, which can't be stored`)
    // A shape that was defined in what is forgotten now would be used without its keys.
    if (this.#form === 'records') throw INEXACT
    this.rewind(from)
    this.#answer(value.toJSON(), value)
  }

  /** What a toJSON returned. As JSON does, it isn't asked again if it is one more of its kind, or a plain object. */
  #answer(value: unknown, asked: object): undefined {
    if (typeof value !== 'object' || value === null || !hasToJSON(value)) return this.#value(value)
    const prototype: unknown = Object.getPrototypeOf(value)
    const isOther = prototype !== Object.prototype && prototype !== Object.getPrototypeOf(asked)
    return isOther ? this.#value(value) : this.#properties(withoutFunctions(value))
  }

  #special(value: object): undefined {
    if (ArrayBuffer.isView(value)) return this.#bytesOf(value)
    if (isDate(value)) return this.#date(value)
    if (isMap(value)) return this.#map(value)
    if (isSet(value)) return this.#marked(0x73, [...value])
    if (isNativeError(value) || value instanceof Error) return this.#error(value)
    if (isRegExp(value)) return this.#regExp(value)
    if (value instanceof ArrayBuffer) return this.extension(0x74, new Uint8Array(value), ARRAY_BUFFER)
    if (hasToJSON(value)) return this.#answer(value.toJSON(), value)
    if (isBoxedPrimitive(value)) return this.#value(value.valueOf())
    if (keepsAllInside(value)) throw new TypeError(`a ${nameOf(value)} can't be stored`)
    this.#properties({ ...value })
  }

  #bytesOf(view: ArrayBufferView): undefined {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    if (Buffer.isBuffer(view)) return this.binary(bytes)
    if (view instanceof DataView) return this.extension(0x74, bytes, DATA_VIEW)
    const type = TYPED_ARRAYS.indexOf(nameOf(view).replace('Array', ''))
    if (type < 0) throw new TypeError(`a ${nameOf(view)} can't be stored`)
    this.extension(0x74, bytes, type)
  }

  #map(map: ReadonlyMap<unknown, unknown>): undefined {
    if (this.#form === 'plain') throw INEXACT
    const entries = [...map]
    if (this.#form === 'exact') {
      this.#wrap(EXACT.map)
      return this.#array(entries)
    }
    this.mapOf(entries.length)
    for (const [key, value] of entries) {
      this.#value(key)
      this.#value(value)
    }
  }

  #marked(type: number, values: readonly unknown[]): undefined {
    this.mark(type, 0)
    this.#array(values)
  }

  #regExp({ source, flags }: RegExp): undefined {
    if (this.#form !== 'exact') return this.#marked(0x78, [source, flags])
    this.#wrap(EXACT.regExp)
    this.#array([source, flags])
  }

  #error(error: Error): undefined {
    if (this.#form !== 'exact') throw INEXACT
    const { kind, hidden, shown } = partsOf(error)
    this.#wrap(EXACT.error)
    this.#array([kind, hidden.flat(), shown.flat()])
  }

  #date(date: Date): undefined {
    const ms = date.getTime()
    return Number.isNaN(ms) ? this.mark(0xff, 0xff) : this.time(ms)
  }

  protected override malformed(text: string): undefined {
    if (this.#form !== 'exact') throw INEXACT
    this.#wrap(EXACT.text)
    this.binary(Buffer.from(text, 'utf16le'))
  }

  #wrap(kind: number): undefined {
    this.mapOf(1)
    this.number(kind)
  }
}

/** Without a property to show for it: nothing would be left. */
function keepsAllInside(value: object): boolean {
  const kinds = [Promise, WeakMap, WeakSet, WeakRef, SharedArrayBuffer]
  return kinds.some((kind) => value instanceof kind)
}

function nameOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}
