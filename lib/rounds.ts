// rounds.ts: the round of a handle's bounded appends that is over, because one of them found no room (`Bound.round`).

import type { Bound } from './store.ts'

export class Rounds {
  #over: number | undefined

  isOver({ round }: Pick<Bound, 'round'>): boolean {
    return round !== undefined && round === this.#over
  }

  /** One of them found no room. */
  end({ round }: Pick<Bound, 'round'>): void {
    if (round !== undefined) this.#over = round
  }
}
