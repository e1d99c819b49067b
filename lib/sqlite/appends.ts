// appends.ts: puts of one turn as one. A plain put (no bound, no delay, no key …) that follows another in the same turn
// of the event loop joins it: a thousand concurrent ones are one call, one message, one batch of rows. Anything that
// is asked for between two puts keeps them apart, so that all happens in the order of the calls.

import type { Document } from '../store.ts'
import type { Answered } from './database.ts'
import type { PutArgs, PutResult } from './put-ops.ts'

type Call = (
  args: PutArgs,
  blobs: readonly Uint8Array[] | (() => readonly Uint8Array[]),
) => Promise<Answered<PutResult | undefined>>

interface Group {
  readonly blobs: Uint8Array[]
  readonly answer: Promise<Answered<PutResult | undefined>>
}

export class Appends {
  readonly #call: Call
  #group: Group | undefined

  constructor(call: Call) {
    this.#call = call
  }

  /** Each document is an item. Undefined where the bound leaves no room. */
  async append(args: PutArgs, documents: readonly Document[]): Promise<PutResult | undefined> {
    const blobs = documents.map(({ bytes }) => bytes)
    if (!isPlain(args)) {
      this.end()
      return (await this.#call(args, blobs)).value
    }
    const group = this.#group ?? this.#begin(args)
    const offset = group.blobs.length
    for (const blob of blobs) group.blobs.push(blob)
    const { value } = await group.answer
    const first = value?.ids[0]
    return first === undefined ? undefined : { ids: [first + offset], dropped: 0 }
  }

  /** The next put begins anew. */
  end(): void {
    this.#group = undefined
  }

  #begin(args: PutArgs): Group {
    const blobs: Uint8Array[] = []
    const group: Group = {
      blobs,
      // Asked when the message is sent: nobody joins any more.
      answer: this.#call(args, () => {
        if (this.#group === group) this.#group = undefined
        return blobs
      }),
    }
    this.#group = group
    return group
  }
}

function isPlain({ due, attempt, priority, bound, keys }: PutArgs): boolean {
  return due === 0 && attempt === 0 && priority === 0 && bound === undefined && keys === undefined
}
