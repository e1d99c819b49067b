// growing-documents.ts: items that come one by one, each encoded as it comes, into documents that share what their items
// have in common: a thousand single puts of one turn are as small, and are read as fast, as a batch.
//
//      1 · 1 · 1 · 1 · 64 · 64 · … · 17
//      └ the first few alone          └ then some together, where the codec can open a document
//
// The first few are alone because they are most often all that comes, and one item alone is smallest in the form of its
// own. Documents are shorter than those of a batch: items that were put one by one may well be settled in no order, and a
// document stays until the last of them is.

import type { Document } from '../store.ts'
import type { Codec, OpenDocument } from './codec.ts'
import type { DocumentWriter } from './documents.ts'

const ALONE = 4
const MAX_ITEMS = 64
const MAX_BYTES = 64 * 1024

export class GrowingDocuments<T> {
  readonly #codec: Codec<T>
  readonly #writer: DocumentWriter<T>
  readonly #open: OpenDocument<T> | undefined
  #documents: Document[] = []
  #count = 0
  #bytes = 0
  /** Within `add`: a getter or a toJSON of the item that puts another one has to put that elsewhere. */
  busy = false

  constructor(codec: Codec<T>, writer: DocumentWriter<T>) {
    this.#codec = codec
    this.#writer = writer
    this.#open = codec.openDocument?.()
  }

  /** Items so far. */
  get count(): number {
    return this.#count
  }

  /** Encoded so far, about. */
  get bytes(): number {
    return this.#bytes + (this.#open?.bytes ?? 0)
  }

  /** Throws CodecError, and then nothing was added. */
  add(item: T): void {
    this.busy = true
    try {
      if (!this.#join(item)) this.#push(this.#writer.one(item))
      this.#count += 1
    } finally {
      this.busy = false
    }
  }

  /** All that was added; it begins anew. */
  take(): Document[] {
    this.#end()
    const documents = this.#documents
    this.#documents = []
    this.#count = 0
    this.#bytes = 0
    return documents
  }

  /** False where the item has to be a document of its own. */
  #join(item: T): boolean {
    const open = this.#open
    if (open === undefined || this.#count < ALONE) return false
    try {
      open.add(item)
    } catch {
      this.#end() // It is told when the item is encoded alone.
      return false
    }
    const isLarge = open.bytes > MAX_BYTES
    if (isLarge) open.takeBack()
    if (isLarge || open.count === MAX_ITEMS) this.#end()
    return !isLarge
  }

  #end(): void {
    const open = this.#open
    if (open === undefined || open.count === 0) return
    const { count } = open
    const bytes = open.end()
    if (count > 1) return this.#push({ bytes, count })
    // One item is a document in the form of one.
    for (const item of this.#codec.decodeBatch?.(bytes) ?? []) this.#push(this.#writer.one(item))
  }

  #push(document: Document): void {
    this.#documents.push(document)
    this.#bytes += document.bytes.length
  }
}
