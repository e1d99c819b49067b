// run-chunk.ts: some runs in the order of their ids, and their sums: what is asked of them is known without a look at each.

import type { IdRange } from '../store.ts'
import { type IdState, isReady } from './id-state.ts'

export interface Run extends IdRange {
  readonly value: IdState
}

/** Ids by state. */
export type Covered = Record<IdState['state'], number>

export class Chunk {
  readonly runs: Run[]
  /** Ids by state. */
  readonly covered: Covered = { settled: 0, inFlight: 0, back: 0, acked: 0 }
  /** No lease of these ends before. */
  earliest = Infinity
  /** Ids that are not yet due, at any time from `#asOf` to before `#until`. */
  #delayed = 0
  #asOf = Infinity
  #until = -Infinity

  constructor(runs: Run[]) {
    this.runs = runs
    for (const run of runs) this.count(run, 1)
  }

  count({ from, to, value }: Run, sign: 1 | -1): void {
    this.covered[value.state] += sign * (to - from + 1)
    if (value.state === 'back') this.#until = -Infinity
    if (sign > 0 && value.state === 'inFlight' && value.deadline > 0) {
      this.earliest = Math.min(this.earliest, value.deadline)
    }
  }

  delayed(now: number): number {
    if (this.covered.back === 0) return 0
    if (now < this.#asOf || now >= this.#until) this.#lookFor(now)
    return this.#delayed
  }

  /** When the next of those that are not yet due will be. */
  nextDue(now: number): number {
    return this.delayed(now) === 0 ? Infinity : this.#until
  }

  /** The same as of the last look, if there was one: what has become due since is still to be looked for. */
  nextDueAsLooked(now: number): number {
    if (this.covered.back === 0) return Infinity
    if (this.#until === -Infinity) return this.nextDue(now)
    return this.#delayed === 0 ? Infinity : this.#until
  }

  #lookFor(now: number): void {
    let [delayed, until] = [0, Infinity]
    for (const { from, to, value } of this.runs) {
      if (value.state !== 'back' || isReady(value, now)) continue
      delayed += to - from + 1
      until = Math.min(until, value.due)
    }
    this.#delayed = delayed
    this.#asOf = now
    this.#until = until
  }

  /** Runs of leases that are over. */
  expired(now: number): Run[] {
    if (now < this.earliest) return []
    const inFlight = this.runs.filter(({ value }) => value.state === 'inFlight' && value.deadline > 0)
    this.earliest = Math.min(Infinity, ...inFlight.map(deadlineOf))
    return inFlight.filter((run) => deadlineOf(run) <= now)
  }

  /** Whether its runs leave no id between them out. */
  get isDense(): boolean {
    const [first, last] = [this.runs[0], this.runs.at(-1)]
    if (!first || !last) return true
    const { settled, inFlight, back, acked } = this.covered
    return last.to - first.from + 1 === settled + inFlight + back + acked
  }
}

function deadlineOf({ value }: Run): number {
  return value.state === 'inFlight' ? value.deadline : Infinity
}
