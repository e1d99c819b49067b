// early.ts: puts that come while the queue still opens. What is stored is the item as it was at the call, so it is
// encoded at the call: with the codec that was named, else with the one a new queue gets. If the queue turns out to
// record another, it is decoded and encoded again once that is known.

import { codecAtHand } from '../codec/at-hand.ts'
import { type Codec, type CodecName, DocumentReader, DocumentWriter, type GeneralCodec } from '../codec/index.ts'
import type { Unique } from '../options.ts'
import type { Document } from '../store.ts'
import { keyBy } from '../unique.ts'
import type { Core } from './core.ts'
import type { Encoded } from './putting.ts'

export class Early<T> {
  readonly #codec: Codec<unknown>
  readonly #writer: DocumentWriter<unknown>
  readonly #unique: Unique<T>

  constructor(choice: CodecName | Codec<T> | GeneralCodec | undefined, unique: Unique<T> = false) {
    this.#codec = codecAtHand(choice)
    this.#writer = new DocumentWriter(this.#codec)
    this.#unique = unique
  }

  /** The items as they are now; what is returned gives them as the open queue writes them. Throws CodecError. */
  encode(items: Iterable<T>): (open: { readonly core: Core<T> }) => Encoded {
    if (this.#unique === false) {
      const documents = this.#writer.many(items, true)
      return ({ core }) => ({ documents: this.#documentsFor(core, documents) })
    }
    const all = [...items]
    const unique = this.#unique
    const documents = this.#writer.many(all, false)
    const keys = typeof unique === 'function' ? all.map((item) => keyBy(unique, item)) : undefined
    return ({ core }) => {
      const written = this.#documentsFor(core, documents)
      return { documents: written, keys: keys ?? written.map((document) => core.keys?.ofStored(document) ?? '') }
    }
  }

  /** The documents as the open queue writes them. */
  #documentsFor(core: Core<T>, documents: readonly Document[]): readonly Document[] {
    const { codec, supports } = core.store
    const perDocument = supports.documents && core.keys === undefined
    if (codec === this.#codec.name && (perDocument || documents.every(({ count }) => count === 1))) return documents
    return core.writer.many(
      documents.flatMap((document) => this.#itemsOf(document)),
      perDocument,
    )
  }

  #itemsOf(document: Document): unknown[] {
    const whole = { firstId: 1, count: document.count, document, skip: 0, attempt: 0, enqueuedAt: 0 }
    const { items, bad } = new DocumentReader(this.#codec).take(whole)
    for (const { error } of bad) throw error
    return items
  }
}
