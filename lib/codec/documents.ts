// documents.ts: items into the documents of a batch, and back.
//
// A document holds up to 256 items or 64 KiB, whichever comes first (one item may be larger), so that taking one item
// of a batch of a million decodes one document, and an item that can't be decoded costs no more than its document:
//
//   count 1                      what the codec's encode returned
//   count > 1, a batch codec     what its encodeBatch returned
//   count > 1, any other codec   its items in frames (framing.ts)
//
// Everything is encoded before the call returns: a later change of an item changes nothing. The errors are CodecErrors.

import { CodecError } from '../errors.ts'
import type { Document, Piece } from '../store.ts'
import { textOf } from '../text-of.ts'
import type { Codec } from './codec.ts'
import { frame, framesOf, LENGTH_BYTES } from './framing.ts'

const MAX_ITEMS = 256
const MAX_BYTES = 64 * 1024
// What a document is meant to come to: below the limit, since the next items may be larger than those measured.
const AIM_BYTES = 48 * 1024

type Add = (document: Document) => void

export class DocumentWriter<T> {
  readonly #codec: Codec<T>
  /** The size of the items met last: how many to encode together, so that a batch is encoded about once. */
  #itemBytes = 64

  constructor(codec: Codec<T>) {
    this.#codec = codec
  }

  /** `place`: how an error names the item. */
  one(item: T, place = 'the item'): Document {
    return this.#single(item, place)
  }

  /**
   * The items in order, many to a document; `perDocument` false: one to a document. `made` is called with each document,
   * and what it throws ends the batch.
   */
  many(items: Iterable<T>, perDocument: boolean, made?: (document: Document) => void): Document[] {
    const documents: Document[] = []
    const add = (document: Document): void => {
      made?.(document)
      documents.push(document)
    }
    if (!perDocument) this.#singles(items, add)
    else if (this.#codec.encodeBatch === undefined) this.#framed(items, add)
    else if (isArray(items)) this.#cut(items, add)
    else this.#gathered(items, add)
    return documents
  }

  #singles(items: Iterable<T>, add: Add): void {
    let i = 0
    for (const item of items) add(this.#single(item, `items[${i++}]`))
  }

  #single(item: T, place: string): Document {
    try {
      return { bytes: this.#codec.encode(item), count: 1 }
    } catch (cause) {
      throw new CodecError(`${place} can't be encoded as ${this.#codec.name}: ${textOf(cause)}. Nothing was put`, {
        cause,
      })
    }
  }

  #cut(items: readonly T[], add: Add): void {
    for (let first = 0; first < items.length; ) {
      const chunk = new Array<T>(Math.min(this.#chunkLength(), items.length - first))
      // Not `slice`, which keeps holes: an iterator gives undefined for them.
      for (let i = 0; i < chunk.length; i++) chunk[i] = items[first + i] as T
      this.#chunk(chunk, first, add)
      first += chunk.length
    }
  }

  #gathered(items: Iterable<T>, add: Add): void {
    let chunk: T[] = []
    let first = 0
    let full = this.#chunkLength()
    for (const item of items) {
      if (chunk.push(item) < full) continue
      this.#chunk(chunk, first, add)
      first += chunk.length
      chunk = []
      full = this.#chunkLength()
    }
    this.#chunk(chunk, first, add)
  }

  #chunkLength(): number {
    return Math.min(MAX_ITEMS, Math.max(1, Math.floor(AIM_BYTES / this.#itemBytes)))
  }

  /** The items as one document, or as several where they are too large, or one among them the codec can't take. */
  #chunk(items: readonly T[], first: number, add: Add): void {
    if (items.length === 0) return
    const document = items.length === 1 ? this.#single(items[0] as T, `items[${first}]`) : this.#together(items)
    if (document !== undefined) this.#itemBytes = document.bytes.length / items.length
    if (document !== undefined && (items.length === 1 || document.bytes.length <= MAX_BYTES)) {
      add(document)
      return
    }
    const part = document === undefined ? Math.ceil(items.length / 2) : Math.min(this.#chunkLength(), items.length - 1)
    for (let at = 0; at < items.length; at += part) this.#chunk(items.slice(at, at + part), first + at, add)
  }

  #together(items: readonly T[]): Document | undefined {
    try {
      const bytes = this.#codec.encodeBatch?.(items)
      return bytes && { bytes, count: items.length }
    } catch {
      return undefined // told when the item is encoded alone
    }
  }

  #framed(items: Iterable<T>, add: Add): void {
    let open: Uint8Array[] = []
    let length = 0
    let i = 0
    for (const item of items) {
      const { bytes } = this.#single(item, `items[${i++}]`)
      if (open.length === MAX_ITEMS || (open.length > 0 && length + bytes.length + LENGTH_BYTES > MAX_BYTES)) {
        add(documentOf(open))
        open = []
        length = 0
      }
      open.push(bytes)
      length += bytes.length + LENGTH_BYTES
    }
    if (open.length > 0) add(documentOf(open))
  }
}

/** Items of a piece, and what of it can't be decoded. */
export interface Taken<T> {
  readonly items: T[]
  readonly bad: readonly Undecodable[]
}

export interface Undecodable extends Piece {
  readonly error: CodecError
}

const NONE: readonly Undecodable[] = []

/**
 * Decodes pieces. Those of one document in a row are decoded once, and no decoded item is handed out twice: asked for
 * again, it is decoded again. So give each way of taking (peeking, popping, a loop) a reader of its own.
 */
export class DocumentReader<T> {
  readonly #codec: Codec<T>
  /** The document that the fields below are of. */
  #document: Document | undefined
  #slots: T[] = []
  /** Those before it were handed out, or passed over. */
  #from = 0
  #frames: readonly Uint8Array[] = []
  #error: CodecError | undefined

  constructor(codec: Codec<T>) {
    this.#codec = codec
  }

  /** Never throws: what can't be decoded is among the bad. */
  take(piece: Piece): Taken<T> {
    if (piece.document.count === 1) return this.#alone(piece, piece.document.bytes)
    return this.#codec.decodeBatch === undefined ? this.#framed(piece) : this.#batched(piece)
  }

  #alone(piece: Piece, bytes: Uint8Array): Taken<T> {
    try {
      return { items: [this.#codec.decode(bytes)], bad: NONE }
    } catch (cause) {
      return { items: [], bad: [{ ...piece, error: this.#undecodable(cause) }] }
    }
  }

  #batched(piece: Piece): Taken<T> {
    const { document, skip, count } = piece
    if (document !== this.#document || skip < this.#from) this.#read(document)
    if (this.#error !== undefined) return { items: [], bad: [{ ...piece, error: this.#error }] }
    const end = skip + count
    const items = this.#slots.slice(skip, end)
    this.#from = end
    if (end === document.count) this.#forget()
    return { items, bad: NONE }
  }

  #read(document: Document): void {
    this.#document = document
    this.#error = undefined
    this.#from = 0
    try {
      const slots: unknown = this.#codec.decodeBatch?.(document.bytes)
      if (!Array.isArray(slots) || slots.length !== document.count) throw new TypeError(`no array of ${document.count}`)
      this.#slots = slots
    } catch (cause) {
      this.#slots = []
      this.#error = this.#undecodable(cause)
    }
  }

  #forget(): void {
    this.#document = undefined
    this.#slots = []
    this.#from = 0
  }

  #framed(piece: Piece): Taken<T> {
    const { document, skip, count, firstId } = piece
    if (document !== this.#document) this.#index(document)
    if (this.#error !== undefined) return { items: [], bad: [{ ...piece, error: this.#error }] }
    const items: T[] = []
    const bad: Undecodable[] = []
    for (let i = 0; i < count; i++) {
      const bytes = this.#frames[skip + i] ?? document.bytes
      const one = this.#alone({ ...piece, firstId: firstId + i, skip: skip + i, count: 1 }, bytes)
      items.push(...one.items)
      bad.push(...one.bad)
    }
    return { items, bad }
  }

  #index(document: Document): void {
    this.#document = document
    this.#error = undefined
    try {
      this.#frames = framesOf(document)
    } catch (cause) {
      this.#error = this.#undecodable(cause)
    }
  }

  #undecodable(cause: unknown): CodecError {
    return new CodecError(`an item can't be decoded as ${this.#codec.name}: ${textOf(cause)}`, { cause })
  }
}

/** Parts of it are what its iterator would give. */
export function isArray<T>(items: Iterable<T>): items is readonly T[] {
  return (
    Array.isArray(items) && Object.getPrototypeOf(items) === Array.prototype && !Object.hasOwn(items, Symbol.iterator)
  )
}

/** One item is a document as it is. */
function documentOf(items: readonly Uint8Array[]): Document {
  const [only] = items
  return { bytes: items.length === 1 && only !== undefined ? only : frame(items), count: items.length }
}
