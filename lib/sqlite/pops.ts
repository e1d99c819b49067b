// pops.ts: pops of one turn as one. Those that follow each other in the same turn of the event loop are one call for
// all their items, which they get in the order of the calls; anything that is asked for in between keeps them apart.

import type { Piece } from '../store.ts'
import { NOTHING, type Packed } from './messages.ts'
import type { TakeArgs } from './take-ops.ts'

/** Takes as many as `args` say when `sent` is called; there are no bytes to send. */
type Take = (args: TakeArgs, sent: () => Packed) => Promise<readonly Piece[]>

interface Group {
  readonly args: { -readonly [K in keyof TakeArgs]: TakeArgs[K] }
  readonly pieces: Promise<readonly Piece[]>
}

export class Pops {
  readonly #take: Take
  #group: Group | undefined

  constructor(take: Take) {
    this.#take = take
  }

  async pop(args: TakeArgs): Promise<Piece[]> {
    const group = this.#group ?? this.#begin(args)
    const from = group.args.n
    group.args.n += args.n
    const pieces = await group.pieces
    return pieces.slice(from, from + args.n)
  }

  /** The next pop begins anew. */
  end(): void {
    this.#group = undefined
  }

  #begin(first: TakeArgs): Group {
    const args = { ...first, n: 0 }
    const group: Group = {
      args,
      pieces: this.#take(args, () => {
        if (this.#group === group) this.#group = undefined
        return NOTHING
      }),
    }
    this.#group = group
    return group
  }
}
