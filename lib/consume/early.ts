// early.ts: puts that come while the queue still opens. What is stored is the item as it was at the call, so it is
// encoded at the call: with the codec that was named, else with the one a new queue gets. If the queue turns out to
// record another, it is decoded and encoded again once that is known.

import { codecAtHand } from '../codec/at-hand.ts'
import { type Codec, type CodecName, DocumentReader, DocumentWriter } from '../codec/index.ts'
import type { Document } from '../store.ts'
import type { Core } from './core.ts'

export class Early<T> {
  readonly #codec: Codec<unknown>
  readonly #writer: DocumentWriter<unknown>

  constructor(choice: CodecName | Codec<T> | undefined) {
    this.#codec = codecAtHand(choice)
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
