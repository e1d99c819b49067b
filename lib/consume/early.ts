// early.ts: puts that come while the queue still opens. What is stored is the item as it was at the call, so it is
// encoded at the call: with the codec that was named, else with the one a new queue gets. If the queue turns out to
// record another, it is decoded and encoded again once that is known.

import { codecAtHand } from '../codec/at-hand.ts'
import { type Codec, type CodecName, DocumentReader, DocumentWriter, type GeneralCodec } from '../codec/index.ts'
import type { Unique } from '../options.ts'
import type { Document } from '../store.ts'
import { Keys } from '../unique.ts'
import { BatchBound, type Bounds } from './batch-bound.ts'
import type { Core } from './core.ts'
import { type Encoded, encodeUnique } from './putting.ts'

/** A guessed codec may write more than the one that is recorded, but never so many times as much. */
const GUESSED_BYTES = 64

export interface EarlyOptions<T> extends Bounds {
  readonly codec: CodecName | Codec<T> | GeneralCodec | undefined
  readonly unique: Unique<T>
}

export class Early<T> {
  readonly #codec: Codec<unknown>
  readonly #writer: DocumentWriter<unknown>
  readonly #options: EarlyOptions<T>
  readonly #keys: Keys<T> | undefined

  constructor(options: EarlyOptions<T>) {
    this.#codec = codecAtHand(options.codec)
    this.#writer = new DocumentWriter(this.#codec)
    this.#options = options
    this.#keys = options.unique === false ? undefined : new Keys(options.unique, this.#codec)
  }

  /**
   * The items as they are now; what is returned gives them as the open queue writes them. Throws CodecError, and
   * QueueFullError where there are more of them than ever fit.
   */
  encode(items: Iterable<T>): (open: { readonly core: Core<T> }) => Encoded {
    const bound = new BatchBound(this.#options, isCodecGuessed(this.#options.codec) ? GUESSED_BYTES : 1)
    if (this.#keys === undefined) {
      const documents = this.#writer.many(bound.items(items), true, bound.made)
      return ({ core }) => ({ documents: this.#documentsFor(core, documents) })
    }
    const { documents, keys } = encodeUnique(items, { writer: this.#writer, keys: this.#keys, bound })
    const areLasting = typeof this.#options.unique === 'function'
    return ({ core }) => {
      const written = this.#documentsFor(core, documents)
      return {
        documents: written,
        keys: areLasting ? keys : written.map((document) => core.keys?.ofStored(document) ?? ''),
      }
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

function isCodecGuessed(codec: unknown): boolean {
  return codec === undefined || codec === 'cbor'
}
