// messages.ts: what the two threads say to each other. All bytes of a message lie one behind the other in one buffer,
// which is handed over and not copied; small values are cloned as they are, and many numbers as the steps that they are, or as
// typed arrays, which costs a tenth of cloning them one by one.
//
//      ┌── calls ─────────────────────────────────┐  ┌── lengths ──┐  ┌── bytes ─────────────┐
//      │ { id, op, args, within, blobs: 2 }, …    │  │ 17, 4096, … │  │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │
//      └──────────────────────────────────────────┘  └─────────────┘  └──────────────────────┘

import type { Failure } from './failure.ts'
import type { Withdrawal } from './withdrawal.ts'

/** Bytes of several, one behind the other. */
export interface Packed {
  readonly lengths: readonly number[]
  readonly bytes: Uint8Array
}

/** A list of numbers on its way to another thread. */
export type Numbers = readonly number[] | Float64Array | Steps

/** As many numbers, each so much more than the one before. */
interface Steps {
  readonly first: number
  readonly step: number
  readonly count: number
}

interface Sent {
  readonly lengths: Numbers
  readonly bytes: Uint8Array
}

export interface CallMessage<A = never> {
  readonly id: number
  readonly op: string
  /** Typed where it is called, and where it is carried out (ops.ts); cloned in between. */
  readonly args: A
  /** Milliseconds after which, at the latest, what it changed is synced: 0 before it resolves, Infinity never. */
  readonly within: number
  /** How many of the blobs are its. */
  readonly blobs: number
  /** Undefined: nothing takes it back. */
  readonly withdrawal?: Withdrawal | undefined
}

export type Request<A = never> =
  | { readonly kind: 'calls'; readonly calls: readonly CallMessage<A>[]; readonly packed: Sent }
  /** Free pages that may stay in the file, in bytes. */
  | { readonly kind: 'limit'; readonly freeBytes: number }
  | { readonly kind: 'close' }

export interface AnswerMessage<V = never> {
  readonly id: number
  readonly value: V
  readonly blobs: number
}

export interface RefusalMessage {
  readonly id: number
  readonly failure: Failure
}

export type Reply<V = never> =
  | {
      readonly kind: 'answers'
      readonly answers: readonly AnswerMessage<V>[]
      readonly refusals: readonly RefusalMessage[]
      readonly packed: Sent
    }
  /** Free pages were given back to the file system. */
  | { readonly kind: 'vacuumed'; readonly reclaimed: number }
  /** A failure that no call waited for. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly work?: 'sync' }

export const NOTHING: Packed = Object.freeze({ lengths: [], bytes: new Uint8Array(0) })

/** Fewer travel as they are. */
const MANY = 16

export function numbersOf(list: readonly number[]): Numbers {
  const [first = 0, second = 0] = list
  if (list.length < MANY) return list
  const step = second - first
  const isSteady = list.every((number, i) => number === first + i * step)
  return isSteady ? { first, step, count: list.length } : new Float64Array(list)
}

export function sent({ lengths, bytes }: Packed): Sent {
  return { lengths: numbersOf(lengths), bytes }
}

/** Copies them into one buffer. */
export function pack(blobs: readonly Uint8Array[]): Packed {
  if (blobs.length === 0) return NOTHING
  return { lengths: blobs.map(({ length }) => length), bytes: joined(blobs) }
}

/** Those of several answers, in order. */
export function packAll(all: readonly Packed[]): Packed {
  const some = all.filter(({ lengths }) => lengths.length > 0)
  const [only] = some
  if (only === undefined) return NOTHING
  if (some.length === 1) return isWhole(only.bytes) ? only : { ...only, bytes: only.bytes.slice() }
  return { lengths: some.flatMap(({ lengths }) => lengths), bytes: joined(some.map(({ bytes }) => bytes)) }
}

/** Views of the bytes. */
export function unpack({ lengths, bytes }: Packed): Uint8Array[] {
  let at = 0
  return lengths.map((length) => {
    at += length
    return bytes.subarray(at - length, at)
  })
}

/** Hands out what is packed in a message, in order. */
export class Unpacking {
  readonly #packed: Packed
  #next = 0
  #at = 0

  constructor({ lengths, bytes }: Sent) {
    this.#packed = { lengths: listOf(lengths), bytes }
  }

  take(count: number): Packed {
    const { lengths, bytes } = this.#packed
    if (count === lengths.length) return this.#packed
    const own = lengths.slice(this.#next, this.#next + count)
    const end = own.reduce((sum, length) => sum + length, this.#at)
    const taken = { lengths: own, bytes: bytes.subarray(this.#at, end) }
    this.#next += count
    this.#at = end
    return taken
  }
}

/** What is handed over with a message. */
export function transferOf({ bytes: { buffer, length } }: Packed): ArrayBuffer[] {
  return length > 0 && buffer instanceof ArrayBuffer ? [buffer] : []
}

/** Array.from asks an iterator for each of them. */
export function listOf(numbers: Numbers): readonly number[] {
  const list: number[] = []
  if ('step' in numbers) {
    for (let i = 0; i < numbers.count; i += 1) list.push(numbers.first + i * numbers.step)
    return list
  }
  if (!(numbers instanceof Float64Array)) return numbers
  for (let i = 0; i < numbers.length; i += 1) list.push(numbers[i] ?? 0)
  return list
}

function joined(blobs: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(blobs.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const blob of blobs) {
    bytes.set(blob, at)
    at += blob.length
  }
  return bytes
}

/** Whether nothing else lies in its buffer: then that can be handed over. */
function isWhole({ buffer, byteLength }: Uint8Array): boolean {
  return buffer.byteLength === byteLength
}
