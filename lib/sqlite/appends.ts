// appends.ts: puts of one turn as one. A plain put (no bound, no delay, no key …) that follows another in the same turn
// of the event loop joins it: a thousand concurrent ones are one call, one message, one batch of rows. Anything that
// is asked for between two puts keeps them apart, so that all happens in the order of the calls.

import type { Document } from '../store.ts'
import type { Packed } from './messages.ts'
import type { PutArgs, PutResult } from './put-ops.ts'
import { sealed } from './seal.ts'
import type { Answered } from './thread.ts'

type Put = (args: PutArgs, blobs: () => Packed, signal?: AbortSignal) => Promise<Answered<PutResult | undefined>>

interface Group {
  readonly blobs: Uint8Array[]
  readonly firstId: Promise<number>
}

export class Appends {
  readonly #put: Put
  #group: Group | undefined

  constructor(put: Put) {
    this.#put = put
  }

  /** Puts that nothing but their items tells apart; `args` are those of the first of a turn. */
  plain(args: () => PutArgs, documents: readonly Document[]): Promise<number> {
    const group = this.#group ?? this.#begin(args())
    const offset = group.blobs.length
    for (const { bytes } of documents) group.blobs.push(bytes)
    return group.firstId.then((firstId) => firstId + offset)
  }

  /** A put by itself. Undefined where the bound leaves no room. */
  async alone(args: PutArgs, documents: readonly Document[], signal?: AbortSignal): Promise<PutResult | undefined> {
    this.end()
    return (await this.#put(args, () => sealed(documents.map(({ bytes }) => bytes)), signal)).value
  }

  /** The next put begins anew. */
  end(): void {
    this.#group = undefined
  }

  #begin(args: PutArgs): Group {
    const blobs: Uint8Array[] = []
    // Asked when the message is sent: nobody joins any more.
    const answer = this.#put(args, () => {
      if (this.#group === group) this.#group = undefined
      return sealed(blobs)
    })
    const group: Group = { blobs, firstId: answer.then(({ value }) => value?.ids[0] ?? 0) }
    this.#group = group
    return group
  }
}
