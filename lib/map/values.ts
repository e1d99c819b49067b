// values.ts: the values of a map as bytes, and back. What fails names the key.

import type { Codec } from '../codec/index.ts'
import { CodecError } from '../errors.ts'

// Of a key that may be a megabyte, what a message shows.
const SHOWN = 60

/** A value as a store has it. */
export interface Encoded {
  readonly bytes: Uint8Array
  readonly isDamaged?: boolean | undefined
}

export class Values<V> {
  readonly #codec: Codec<V>

  constructor(codec: Codec<V>) {
    this.#codec = codec
  }

  get codec(): string {
    return this.#codec.name
  }

  /** The value as it is now. Throws CodecError. */
  encode(key: string, value: V): Uint8Array {
    try {
      return this.#codec.encode(value)
    } catch (cause) {
      const what = `the value of ${shown(key)} can't be encoded as ${this.codec}`
      throw new CodecError(`${what}: ${reason(cause)}. Nothing was set`, { cause })
    }
  }

  /** A value that shares memory with nothing. Throws CodecError. */
  decode(key: string, { bytes, isDamaged = false }: Encoded): V {
    try {
      if (isDamaged) throw new Error('its bytes have changed since it was set')
      return this.#codec.decode(bytes)
    } catch (cause) {
      const what = `the value of ${shown(key)} can't be decoded as ${this.codec}`
      throw new CodecError(`${what}: ${reason(cause)}. Set or delete that key; the others are not touched`, { cause })
    }
  }
}

function shown(key: string): string {
  return key.length <= SHOWN ? JSON.stringify(key) : `${JSON.stringify(key.slice(0, SHOWN))}…`
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
