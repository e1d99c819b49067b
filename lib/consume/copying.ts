// copying.ts: the ready items of one queue into another, in batches. The target keeps a mark that says how far it is:
//
//    mark: after 4096 up to 5120, from id 4097 on ──▶ append, all or nothing ──▶ mark: after 5120 up to 6144 …
//
// The mark is durable before its batch is appended. Whoever begins again looks whether that batch is there, and goes on
// behind or before it: nothing is left out, and what the target's consumers left in it is there once.

import { QueueFullError, UnsupportedError } from '../errors.ts'
import type { CopyMark, Document, Listed } from '../store.ts'
import type { Core } from './core.ts'
import { Putting } from './putting.ts'

/** How far a copy is. */
export interface CopyProgress {
  /** Items that the target got, those of an earlier, interrupted copy included. */
  readonly copied: number
  /** Items to copy, as far as known. */
  readonly total: number
  /** Items that don't decode and had to be encoded anew: they stay behind. */
  readonly skipped: number
}

export interface CopyOptions {
  /** Ends the copy between two batches; beginning again goes on from there. */
  readonly signal?: AbortSignal | undefined
  /** Told after each batch. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined
}

const BATCH_BYTES = 1 << 20
const BATCH_ITEMS = 4096

/** Items of one batch: in order, and handed out equally often. */
interface Lot {
  readonly documents: readonly Document[]
  /** Where the target is unique, one an item. */
  readonly keys: readonly string[] | undefined
  readonly count: number
  readonly skipped: number
  readonly upTo: number
  readonly attempt: number
  readonly priority: number | undefined
}

export class Copying<T> {
  readonly #source: Core<T>
  readonly #target: Core<T>
  readonly #putting: Putting<T>
  readonly #options: CopyOptions
  #skipped = 0
  #limit = 64

  constructor(source: Core<T>, target: Core<T>, options: CopyOptions) {
    this.#source = source
    this.#target = target
    this.#putting = new Putting(target)
    this.#options = options
  }

  /** Rejects with UnsupportedError, QueueFullError, StorageError, or the signal's reason. */
  async run(): Promise<void> {
    const { store } = this.#target
    let mark = await this.#begin()
    const { ready } = await this.#source.store.counts()
    for (;;) {
      this.#options.signal?.throwIfAborted()
      const lot = await this.#next(mark.upTo)
      if (lot === undefined) break
      mark = { ...mark, after: mark.upTo, upTo: lot.upTo, copied: mark.copied + mark.count, count: lot.count }
      await store.markCopy(mark)
      mark = { ...mark, nextId: await this.#append(lot, mark.nextId) }
      const copied = mark.copied + mark.count
      this.#skipped += lot.skipped
      this.#options.onProgress?.({ copied, total: Math.max(ready, copied + this.#skipped), skipped: this.#skipped })
    }
    await store.markCopy({ ...mark, after: mark.upTo, copied: mark.copied + mark.count, count: 0 })
  }

  /** Where to go on: behind what the target has got. */
  async #begin(): Promise<CopyMark> {
    const { store } = this.#target
    const source = await this.#source.store.identity()
    if (source === (await store.identity())) throw new UnsupportedError('copyTo: the target is the queue itself')
    const mark = await store.copyMark()
    if (mark?.source !== source) {
      const { ready, delayed, inFlight, failed } = await store.counts()
      if (ready + delayed + inFlight + failed > 0) {
        throw new UnsupportedError(
          'copyTo needs a target that is empty, or holds a copy that was begun from this queue',
        )
      }
      const { nextId } = await store.stats()
      return { source, after: 0, upTo: 0, nextId, copied: 0, count: 0 }
    }
    const arrived = await store.list({ status: 'ready', after: mark.nextId - 1, limit: 1 })
    const { nextId } = await store.stats()
    if (arrived.length > 0 || mark.count === 0) return { ...mark, nextId }
    return { ...mark, upTo: mark.after, count: 0, nextId }
  }

  async #next(after: number): Promise<Lot | undefined> {
    const all = await this.#source.store.list({ status: 'ready', after, limit: this.#limit })
    const [first] = all
    if (first === undefined) return
    const others = all.findIndex((one) => !isLike(one, first))
    const listed = others === -1 ? all : all.slice(0, others)
    const lot = this.#lot(listed, first)
    const bytes = lot.documents.reduce((sum, document) => sum + document.bytes.length, 0)
    this.#limit = Math.max(1, Math.min(BATCH_ITEMS, Math.floor((BATCH_BYTES * lot.count) / Math.max(1, bytes))))
    return lot
  }

  #lot(listed: readonly Listed[], { piece, priority }: Listed): Lot {
    const { store, codecName, keys: unique } = this.#target
    const reader = this.#source.reader()
    const isSame = store.supports.documents && codecName === this.#source.codecName && unique === undefined
    const documents: Document[] = []
    const keys: string[] = []
    let items: T[] = []
    let [count, skipped, upTo] = [0, 0, 0]
    const encode = (): void => {
      const encoded = this.#putting.encode(items)
      documents.push(...encoded.documents)
      if (encoded.keys !== undefined) keys.push(...encoded.keys)
      items = []
    }
    for (const { piece } of listed) {
      upTo = piece.firstId + piece.count - 1
      if (isSame && piece.count === piece.document.count) {
        encode()
        documents.push(piece.document)
        count += piece.count
        continue
      }
      const taken = reader.take(piece)
      for (const item of taken.items) items.push(item)
      count += taken.items.length
      skipped += piece.count - taken.items.length
    }
    encode()
    const attempt = piece.attempt
    return { documents, keys: unique && keys, count, skipped, upTo, attempt, priority }
  }

  /** Resolves to the target's next id. */
  async #append({ documents, keys, count, attempt, priority }: Lot, nextId: number): Promise<number> {
    if (count === 0) return nextId
    const { store, maxSize, maxBytes } = this.#target
    const bounded = maxSize !== Infinity || maxBytes !== Infinity
    const bound = bounded ? { items: maxSize, bytes: maxBytes === Infinity ? undefined : maxBytes } : undefined
    const how = { bound, attempt, priority: store.order === 'priority' ? priority : undefined }
    if (keys === undefined) {
      const firstId = await store.append(documents, how)
      if (firstId !== undefined) return firstId + count
    } else {
      const ids = await store.appendUnique?.(documents, keys, how)
      if (ids !== undefined) return (ids.findLast((id) => id !== undefined) ?? nextId - 1) + 1
    }
    throw new QueueFullError(`the copy does not fit into the target's maxSize ${maxSize} and maxBytes ${maxBytes}`)
  }
}

function isLike(one: Listed, other: Listed): boolean {
  return one.piece.attempt === other.piece.attempt && one.priority === other.priority
}
