// codec.ts: what a codec is. One file a codec beside this one; index.ts chooses among them; documents.ts is how
// the queue uses them.
//
// What every codec promises to documents.ts:
// - The bytes that it returns are its caller's: they never change later, and are exactly the item's.
// - A decoded item shares no memory with the bytes that it came from, nor with any other item.
// - It throws, whatever it throws, rather than leave something out that the item holds.

/** The codecs that come with the package. */
export type CodecName = 'msgpack' | 'json' | 'cbor' | 'v8' | 'raw'

/** Turns items into bytes and back. `name` is recorded in the queue, and compared when it is opened again. */
export interface Codec<T> {
  readonly name: string
  encode(item: T): Uint8Array
  decode(bytes: Uint8Array): T
  /** Many items as one, if that is faster or smaller than one by one. Comes with `decodeBatch`. */
  encodeBatch?(items: readonly T[]): Uint8Array
  decodeBatch?(bytes: Uint8Array): T[]
  /** Only of the package's own: a document of many items that takes them one by one; `decodeBatch` reads it. */
  openDocument?(): OpenDocument<T>
}

/** A codec for items of any type: it encodes whatever it is given, and whoever opens the queue says what comes out. */
export interface GeneralCodec {
  readonly name: string
  readonly encode: (item: unknown) => Uint8Array
  readonly decode: (bytes: Uint8Array) => unknown
  readonly encodeBatch?: (items: readonly unknown[]) => Uint8Array
  readonly decodeBatch?: (bytes: Uint8Array) => unknown[]
}

/** A document that grows. What it has ended with never changes; it begins anew then. */
export interface OpenDocument<T> {
  /** Items in it. */
  readonly count: number
  /** What they take so far. */
  readonly bytes: number
  /** Encodes the item behind the others. Where that throws, the item is not in it, and no other may be added. */
  add(item: T): void
  /** Takes the last item out again; no other may be added. */
  takeBack(): void
  end(): Uint8Array
}

/** The same bytes as a Buffer; nothing is copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The same bytes in memory of their own. */
export function copyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.byteLength)
  copy.set(bytes)
  return copy
}
