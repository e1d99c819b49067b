// held-bytes.ts: the encoded bytes of what a queue holds: ready, delayed or in flight. Nobody needs them but a put with
// a bound on bytes, and stats(), so they stand nowhere in the format; they are counted once, segment by segment, and from then on
// only what has come or gone since is looked at:
//
//    segment    counted then   ▓▓▓▓▓▓▓▓▓▓░░░░▓▓▓▓▓▓        bytes then
//               held now          ▓▓▓▓▓▓▓░░░░▓▓▓▓▓▓▓▓▓      − gone + come
//
// A segment that has been unlinked held nothing any more: what was counted of it is dropped without a look.

import { shareOf } from '../share.ts'
import type { Document, IdRange } from '../store.ts'
import { turn, turnDue } from '../wait/turn.ts'
import type { CursorState } from './cursor-state.ts'
import { DocumentReader } from './document-reader.ts'
import type { Slice } from './frame.ts'
import type { Log } from './log.ts'

interface Counted {
  readonly held: readonly IdRange[]
  readonly bytes: number
}

const WARM_STEP = 4096

export class HeldBytes {
  readonly #log: Log
  /** One for what has come and one for what has gone: each goes on where it was. */
  readonly #coming: DocumentReader
  readonly #going: DocumentReader
  /** By the base of the segment. */
  #counted = new Map<number, Counted>()
  #isWarm = false

  constructor(log: Log) {
    this.#log = log
    this.#coming = new DocumentReader(log)
    this.#going = new DocumentReader(log)
  }

  /** All that is held was counted once. */
  get isWarm(): boolean {
    return this.#isWarm
  }

  /** Counts what has come and gone since the last time, without any lock and without holding up the event loop. */
  async warm(state: CursorState): Promise<void> {
    this.#log.refresh()
    for (const { base, held } of this.#parts(state)) {
      const before = this.#counted.get(base)
      const bytes = before ? this.#bytesOf(held, before) : await this.#sumInSteps(held)
      this.#counted.set(base, { held, bytes })
      if (turnDue()) await turn()
    }
    this.#isWarm = true
  }

  async #sumInSteps(held: readonly IdRange[]): Promise<number> {
    let bytes = 0
    for (const { from, to } of held) {
      // What the log turns out not to hold is passed over at once, however many ids that are.
      for (let id = from; id <= to; ) {
        const step = this.#sumFrom(id, Math.min(to, id + WARM_STEP - 1))
        bytes += step.bytes
        id = step.next
        if (turnDue()) await turn()
      }
    }
    return bytes
  }

  #sumFrom(from: number, to: number): { readonly bytes: number; readonly next: number } {
    let bytes = 0
    let next = from
    while (next <= to) {
      const found = this.#coming.locate(next)
      if ('at' in found) next = Math.max(next, found.to) + 1
      else {
        const { firstId, document, offset, taken } = found
        const count = Math.min(to, firstId + taken - 1) - next + 1
        bytes += shareOf(document, offset + next - firstId, count)
        next += count
      }
    }
    return { bytes, next }
  }

  /** The bytes of all that is held. The log must be up to date. */
  total(state: CursorState): number {
    const counted = new Map<number, Counted>()
    let total = 0
    for (const { base, held } of this.#parts(state)) {
      const bytes = this.#bytesOf(held, this.#counted.get(base))
      counted.set(base, { held, bytes })
      total += bytes
    }
    this.#counted = counted
    return total
  }

  /** The bytes of items that are held; what the log turns out not to hold has none. */
  of(ids: readonly IdRange[]): number {
    return this.#sum(this.#going, ids) ?? 0
  }

  #bytesOf(held: readonly IdRange[], before: Counted | undefined): number {
    const come = before ? without(held, before.held) : held
    const gone = before ? this.#sum(this.#going, without(before.held, held), true) : 0
    // What is gone may have been left out by a rewrite: then all that is held is counted anew.
    if (gone === undefined) return this.#sum(this.#coming, held) ?? 0
    return (before?.bytes ?? 0) - gone + (this.#sum(this.#coming, come) ?? 0)
  }

  /** What is held, by segment. */
  *#parts(state: CursorState): Generator<{ base: number; held: IdRange[] }> {
    const { segments, nextId } = this.#log
    for (const [at, { base }] of segments.entries()) {
      const to = (segments[at + 1]?.base ?? nextId) - 1
      const held = to < state.runs.head ? [] : heldRanges(state, base, to)
      if (held.length > 0) yield { base, held }
    }
  }

  /** Undefined, where all of it is wanted, and the log does not hold it any more. */
  #sum(reader: DocumentReader, ids: readonly IdRange[], whole = false): number | undefined {
    let bytes = 0
    for (const { from, to } of ids) {
      for (let id = from; id <= to; ) {
        const found = reader.locate(id)
        if ('at' in found) {
          if (whole) return
          id = Math.max(id, found.to) + 1
          continue
        }
        const { firstId, document, offset, taken } = found
        const count = Math.min(to, firstId + taken - 1) - id + 1
        bytes += shareOf(document, offset + id - firstId, count)
        id += count
      }
    }
    return bytes
  }
}

/** The bytes of documents that are about to be put. */
export function payloadOf(documents: readonly (Document | Slice)[]): number {
  let bytes = 0
  for (const document of documents) {
    bytes += 'taken' in document ? shareOf(document, document.offset, document.taken) : document.bytes.length
  }
  return bytes
}

function heldRanges({ runs }: CursorState, from: number, to: number): IdRange[] {
  const live = runs.liveRanges(from, to)
  return runs.acked === 0 ? live : without(live, [...runs.withStatus('acked', from, to + 1, 0)])
}

/** The parts of the first ranges that are in none of the others; both are in order. */
export function without(ranges: readonly IdRange[], others: readonly IdRange[]): IdRange[] {
  const left: IdRange[] = []
  let next = 0
  for (const { from, to } of ranges) {
    let at = from
    while ((others[next]?.to ?? Infinity) < from) next++
    for (let index = next; at <= to; index++) {
      const other = others[index]
      if (!other || other.from > to) break
      if (other.from > at) left.push({ from: at, to: other.from - 1 })
      at = Math.max(at, other.to + 1)
    }
    if (at <= to) left.push({ from: at, to })
  }
  return left
}
