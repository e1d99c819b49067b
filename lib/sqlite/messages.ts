// messages.ts: what the two threads say to each other. All bytes of a message lie one behind the other in one buffer,
// which is handed over and not copied; small values are cloned as they are.
//
//      ┌── calls ─────────────────────────────────┐  ┌── lengths ──┐  ┌── bytes ─────────────┐
//      │ { id, op, args, within, blobs: 2 }, …    │  │ 17, 4096, … │  │ ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │
//      └──────────────────────────────────────────┘  └─────────────┘  └──────────────────────┘

import type { Failure } from './failure.ts'

export interface Packed {
  readonly lengths: readonly number[]
  readonly bytes: Uint8Array<ArrayBuffer>
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
}

export type Request<A = never> =
  | { readonly kind: 'calls'; readonly calls: readonly CallMessage<A>[]; readonly packed: Packed }
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
      readonly packed: Packed
    }
  /** Free pages were given back to the file system. */
  | { readonly kind: 'vacuumed'; readonly reclaimed: number }
  /** A failure that no call waited for. */
  | { readonly kind: 'failed'; readonly failure: Failure }

const NOTHING = new Uint8Array(0)

/** Copies them into one buffer. */
export function pack(blobs: readonly Uint8Array[]): Packed {
  if (blobs.length === 0) return { lengths: [], bytes: NOTHING }
  const lengths = blobs.map(({ length }) => length)
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0))
  let at = 0
  for (const blob of blobs) {
    bytes.set(blob, at)
    at += blob.length
  }
  return { lengths, bytes }
}

/** Hands out the blobs of a message in order: views of its one buffer. */
export class Unpacking {
  readonly #packed: Packed
  #next = 0
  #at = 0

  constructor(packed: Packed) {
    this.#packed = packed
  }

  take(count: number): Uint8Array[] {
    const blobs: Uint8Array[] = []
    for (let i = 0; i < count; i += 1) {
      const length = this.#packed.lengths[this.#next] ?? 0
      blobs.push(this.#packed.bytes.subarray(this.#at, this.#at + length))
      this.#next += 1
      this.#at += length
    }
    return blobs
  }
}

/** What is handed over with a message. */
export function transferOf({ bytes }: Packed): ArrayBuffer[] {
  return bytes.length === 0 ? [] : [bytes.buffer]
}
