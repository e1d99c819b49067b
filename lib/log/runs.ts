// runs.ts: what is known of ids, as runs of neighbours in one state.
//
//        head                                                      end (the log's next id)
//   ─────┼───────────┬──────────┬─────────┬──────────────┬─────────┼─────
//  settled│ in flight │ settled  │  back   │  in flight   │  fresh  │
//   ─────┴───────────┴──────────┴─────────┴──────────────┴─────────┴─────
//
// All below `head` is settled; what no run covers is fresh: ready, never taken. Ids that the log turned out not to
// hold are settled too. Runs are sorted, disjoint and merged, so a queue in order costs nothing however long it is.

import type { IdRange } from '../store.ts'
import { type IdState, isReady, type RunStatus, SETTLED, same, statusOf } from './id-state.ts'

export interface Run extends IdRange {
  readonly value: IdState
}

export class Runs {
  #head: number
  #runs: Run[] = []
  #covered = { settled: 0, inFlight: 0, back: 0, acked: 0 }
  /** Nothing below it is ready. */
  #readyFrom: number

  constructor(head = 1) {
    this.#head = head
    this.#readyFrom = head
  }

  get head(): number {
    return this.#head
  }

  /** Ids that are settled, in all. */
  get settled(): number {
    return this.#head - 1 + this.#covered.settled
  }

  get inFlight(): number {
    return this.#covered.inFlight
  }

  get acked(): number {
    return this.#covered.acked
  }

  /** No more than `keep` acknowledged ids stay for the record: the last ones. */
  trimAcked(keep: number): void {
    for (let index = 0; this.#covered.acked > keep; ) {
      const run = this.#runs[index]
      if (!run) return
      if (run.value.state !== 'acked') {
        index++
        continue
      }
      const excess = this.#covered.acked - keep
      this.change(run.from, Math.min(run.to, run.from + excess - 1), () => SETTLED)
      index = 0
    }
  }

  /** The highest id that is named, or head - 1. */
  get highest(): number {
    return this.#runs.at(-1)?.to ?? this.#head - 1
  }

  [Symbol.iterator](): IterableIterator<Run> {
    return this.#runs.values()
  }

  at(id: number): IdState | undefined {
    if (id < this.#head) return SETTLED
    const run = this.#runs[this.#find(id)]
    return run && run.from <= id ? run.value : undefined
  }

  /** The run that an id is in; undefined where it is fresh, or lies below the head. */
  runAt(id: number): Run | undefined {
    const run = id < this.#head ? undefined : this.#runs[this.#find(id)]
    return run && run.from <= id ? run : undefined
  }

  set(from: number, to: number, value: IdState): void {
    this.change(from, to, () => value)
  }

  /** Gives each id of the range the state that `next` makes of its present one (undefined: fresh). */
  change(from: number, to: number, next: (value: IdState | undefined) => IdState | undefined): void {
    const start = Math.max(from, this.#head)
    if (start > to) return
    if (start === this.#head && this.#isFresh(to) && next(undefined) === SETTLED) return this.#settleFirst(to)
    let freed = false
    const changed = (value: IdState | undefined): IdState | undefined => {
      const result = next(value)
      if (!result || result.state === 'back') freed = true
      return result
    }
    const first = this.#find(start)
    const parts: Run[] = []
    let last = first
    let at = start
    for (let run = this.#runs[last]; run && run.from <= to; run = this.#runs[++last]) {
      if (run.from < start) add(parts, run.from, start - 1, run.value)
      if (run.from > at) add(parts, at, run.from - 1, changed(undefined))
      add(parts, Math.max(run.from, start), Math.min(run.to, to), changed(run.value))
      if (run.to > to) add(parts, to + 1, run.to, run.value)
      at = run.to + 1
    }
    if (at <= to) add(parts, at, to, changed(undefined))
    this.#replace(first, last, parts)
    this.#advance()
    if (freed) this.#readyFrom = Math.min(this.#readyFrom, start)
  }

  /** Whether no id from the head to there was ever taken. */
  #isFresh(to: number): boolean {
    const first = this.#runs[0]
    return first === undefined || first.from > to
  }

  /** The ids from the head to there, which are fresh: a queue that is taken in order comes to this each time. */
  #settleFirst(to: number): void {
    this.#head = to + 1
    this.#advance()
  }

  /** Settled ids are fresh once more, also where the head has passed them. */
  restore(from: number, to: number): void {
    const head = this.#head
    if (from < head) {
      this.#head = from
      if (to < head - 1) this.#replace(0, 0, [{ from: to + 1, to: head - 1, value: SETTLED }])
    }
    this.change(Math.max(from, head), to, () => undefined)
    this.#readyFrom = Math.min(this.#readyFrom, from)
  }

  #replace(first: number, last: number, parts: Run[]): void {
    let from = first
    let to = last
    const before = this.#runs[first - 1]
    if (before && parts[0]?.from === before.to + 1 && same(before.value, parts[0].value)) {
      parts[0] = { ...parts[0], from: before.from }
      from--
    }
    const behind = this.#runs[last]
    const tail = parts.at(-1)
    if (behind && tail?.to === behind.from - 1 && same(behind.value, tail.value)) {
      parts[parts.length - 1] = { ...tail, to: behind.to }
      to++
    }
    for (let index = from; index < to; index++) this.#count(this.#runs[index], -1)
    for (const part of parts) this.#count(part, 1)
    if (to - from === 1 && parts.length === 1 && parts[0]) this.#runs[from] = parts[0]
    else this.#runs.splice(from, to - from, ...parts)
  }

  #count(run: Run | undefined, sign: 1 | -1): void {
    if (run) this.#covered[run.value.state] += sign * (run.to - run.from + 1)
  }

  #advance(): void {
    for (let run = this.#runs[0]; run && run.from <= this.#head && run.value.state === 'settled'; run = this.#runs[0]) {
      this.#count(run, -1)
      this.#head = run.to + 1
      this.#runs.shift()
    }
  }

  /** The index of the first run that ends at `id` or behind it. */
  #find(id: number): number {
    const last = this.#runs.at(-1)
    if (!last || last.to < id) return this.#runs.length
    let low = 0
    let high = this.#runs.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#runs[middle]?.to ?? 0) < id) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The first `limit` ready ids below `end`, as ranges of one attempt count each. */
  ready(end: number, limit: number, now: number): IdRange[] {
    if (limit === 0) return []
    const ranges: IdRange[] = []
    let left = limit
    let at = Math.max(this.#readyFrom, this.#head)
    for (let index = this.#find(at); left > 0 && at < end; index++) {
      const run = this.#runs[index]
      left -= take(ranges, at, Math.min(run ? run.from : end, end) - 1, left)
      if (!run || left === 0) break
      at = Math.max(at, run.from)
      if (isReady(run.value, now)) left -= take(ranges, at, Math.min(run.to, end - 1), left)
      at = run.to + 1
    }
    const firstDelayed = this.#covered.back > 0 ? this.#readyFrom : end
    this.#readyFrom = ranges[0] ? Math.min(ranges[0].from, firstDelayed) : Math.min(end, firstDelayed)
    return ranges
  }

  /** How many ids below `end` are ready, and how many are not yet due. */
  count(end: number, now: number): { ready: number; delayed: number } {
    const covered = { ...this.#covered }
    for (let index = this.#runs.length - 1; index >= 0; index--) {
      const run = this.#runs[index]
      if (!run || run.to < end) break
      covered[run.value.state] -= run.to - Math.max(run.from, end) + 1
    }
    const fresh = Math.max(0, end - this.#head - (covered.settled + covered.inFlight + covered.back + covered.acked))
    const delayed = covered.back === 0 ? 0 : this.#delayed(end, now)
    return { ready: fresh + covered.back - delayed, delayed }
  }

  #delayed(end: number, now: number): number {
    let delayed = 0
    for (const { from, to, value } of this.#runs) {
      if (from >= end) break
      if (value.state === 'back' && value.due > now) delayed += Math.min(to, end - 1) - from + 1
    }
    return delayed
  }

  /** Ranges of one status from `from` on, below `end`. */
  *withStatus(status: RunStatus, from: number, end: number, now: number): Generator<IdRange> {
    let at = Math.max(from, this.#head)
    for (let index = this.#find(at); at < end; index++) {
      const run = this.#runs[index]
      const fresh = Math.min(run ? run.from : end, end) - 1
      if (status === 'ready' && at <= fresh) yield { from: at, to: fresh }
      if (!run) return
      if (statusOf(run.value, now) === status) yield { from: Math.max(run.from, at), to: Math.min(run.to, end - 1) }
      at = Math.max(at, run.to + 1)
    }
  }

  /** How many ids of the range are neither settled nor gone. */
  live(from: number, to: number): number {
    const start = Math.max(from, this.#head)
    let live = Math.max(0, to - start + 1)
    for (let index = this.#find(start); live > 0; index++) {
      const run = this.#runs[index]
      if (!run || run.from > to) break
      if (run.value.state === 'settled') live -= Math.min(run.to, to) - Math.max(run.from, start) + 1
    }
    return live
  }

  /** The parts of the range that nobody has taken yet. */
  freshRanges(from: number, to: number): IdRange[] {
    const ranges: IdRange[] = []
    let at = Math.max(from, this.#head)
    for (let index = this.#find(at); at <= to; index++) {
      const run = this.#runs[index]
      const last = Math.min(run ? run.from - 1 : to, to)
      if (at <= last) ranges.push({ from: at, to: last })
      if (!run || run.from > to) break
      at = Math.max(at, run.to + 1)
    }
    return ranges
  }

  /** The parts of the range that are neither settled nor gone. */
  liveRanges(from: number, to: number): IdRange[] {
    const ranges: IdRange[] = []
    let at = Math.max(from, this.#head)
    for (let index = this.#find(at); at <= to; index++) {
      const run = this.#runs[index]
      if (!run || run.from > to) break
      if (run.value.state !== 'settled') continue
      if (run.from > at) ranges.push({ from: at, to: run.from - 1 })
      at = run.to + 1
    }
    if (at <= to) ranges.push({ from: at, to })
    return ranges
  }
}

export function countOf(ranges: readonly IdRange[]): number {
  let count = 0
  for (const { from, to } of ranges) count += to - from + 1
  return count
}

/** Adds a part, merged with its neighbour where it continues it; a fresh part is no run. */
function add(parts: Run[], from: number, to: number, value: IdState | undefined): void {
  if (from > to || !value) return
  const last = parts.at(-1)
  if (last && last.to === from - 1 && same(last.value, value)) parts[parts.length - 1] = { ...last, to }
  else parts.push({ from, to, value })
}

function take(ranges: IdRange[], from: number, to: number, limit: number): number {
  if (from > to) return 0
  const last = Math.min(to, from + limit - 1)
  ranges.push({ from, to: last })
  return last - from + 1
}
