// early.ts: puts that come while the queue still opens. What is stored is the item as it was at the call, so it is
// encoded at the call: with the codec that was named, else with the one a new queue gets. If the queue turns out to
// record another, it is decoded and encoded again once that is known.

import { custom } from '../codec/custom.ts'
import { type Codec, type CodecName, DocumentReader, DocumentWriter } from '../codec/index.ts'
import { json } from '../codec/json.ts'
import { msgpack } from '../codec/msgpack.ts'
import { raw } from '../codec/raw.ts'
import { v8 } from '../codec/v8.ts'
import type { Document } from '../store.ts'
import type { Core } from './core.ts'

// cbor has to be loaded first, and v8 holds all that it can hold.
const atHand: Readonly<Record<CodecName, Codec<unknown>>> = { msgpack, json, raw, v8, cbor: v8 }

export class Early<T> {
  readonly #codec: Codec<unknown>
  readonly #writer: DocumentWriter<unknown>

  constructor(choice: CodecName | Codec<T> = 'msgpack') {
    this.#codec = typeof choice === 'string' ? atHand[choice] : custom(choice)
    this.#writer = new DocumentWriter(this.#codec)
  }

  /** Throws CodecError. */
  write(items: Iterable<T>): Document[] {
    return this.#writer.many(items, true)
  }

  /** The documents as the open queue writes them. */
  documentsFor(core: Core<T>, documents: readonly Document[]): readonly Document[] {
    const { codec, supports } = core.store
    if (codec === this.#codec.name && supports.documents) return documents
    return core.writer.many(
      documents.flatMap((document) => this.#itemsOf(document)),
      supports.documents,
    )
  }

  #itemsOf(document: Document): unknown[] {
    const whole = { firstId: 1, count: document.count, document, skip: 0, attempt: 0, enqueuedAt: 0 }
    const { items, bad } = new DocumentReader(this.#codec).take(whole)
    for (const { error } of bad) throw error
    return items
  }
}
