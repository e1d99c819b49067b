// runs.ts: what is known of ids, as runs of neighbours in one state.
//
//        head                                                      end (the log's next id)
//   ─────┼───────────┬──────────┬─────────┬──────────────┬─────────┼─────
//  settled│ in flight │ settled  │  back   │  in flight   │  fresh  │
//   ─────┴───────────┴──────────┴─────────┴──────────────┴─────────┴─────
//
// All below `head` is settled; what no run covers is fresh: ready, never taken. Ids that the log turned out not to
// hold are settled too. Runs are sorted, disjoint and merged, so a queue in order costs nothing however long it is; and
// where there are many, what is asked here passes over whole chunks of them (run-list.ts).

import type { IdRange } from '../store.ts'
import { type IdState, isReady, type RunStatus, SETTLED, same, shifted, statusOf } from './id-state.ts'
import type { Run } from './run-chunk.ts'
import { RunList } from './run-list.ts'
import { addPart, addRange, freshRanges, live, liveRanges, withStatus } from './run-ranges.ts'

export { countOf } from './run-ranges.ts'
export type { Run }

/** Nothing below `id` is ready, at any time from `asOf` to before `until`. */
interface NoneReady {
  readonly id: number
  readonly asOf: number
  readonly until: number
}

const ALWAYS = { asOf: -Infinity, until: Infinity }

export class Runs {
  #head: number
  readonly #runs: RunList
  #noneReady: NoneReady

  /** `chunkRuns`: runs of a chunk, at most. */
  constructor(head = 1, chunkRuns?: number) {
    this.#head = head
    this.#runs = new RunList(chunkRuns)
    this.#noneReady = { id: head, ...ALWAYS }
  }

  get head(): number {
    return this.#head
  }

  /** Ids that are settled, in all. */
  get settled(): number {
    return this.#head - 1 + this.#runs.covered.settled
  }

  get inFlight(): number {
    return this.#runs.covered.inFlight
  }

  get acked(): number {
    return this.#runs.covered.acked
  }

  /** Ids that were handed out or delayed, and are in nobody's hands. */
  get back(): number {
    return this.#runs.covered.back
  }

  /** All times are so many milliseconds later. */
  shift(ms: number): void {
    const all = Array.from(this.#runs, (run) => ({ ...run, value: shifted(run.value, ms) }))
    this.#runs.replace(0, this.#runs.find(Infinity), all)
    this.#noneReady = { id: this.#head, ...ALWAYS }
  }

  /** No more than `keep` acknowledged ids stay for the record: the last ones. */
  trimAcked(keep: number): void {
    for (let excess = this.acked - keep; excess > 0; excess = this.acked - keep) {
      const runs = this.#runs.chunks.find(({ covered }) => covered.acked > 0)?.runs
      const run = runs?.find(({ value }) => value.state === 'acked')
      if (!run) return
      this.change(run.from, Math.min(run.to, run.from + excess - 1), () => SETTLED)
    }
  }

  /** The highest id that is named, or head - 1. */
  get highest(): number {
    return this.#runs.last?.to ?? this.#head - 1
  }

  [Symbol.iterator](): IterableIterator<Run> {
    return this.#runs[Symbol.iterator]()
  }

  at(id: number): IdState | undefined {
    return id < this.#head ? SETTLED : this.runAt(id)?.value
  }

  /** The run that an id is in; undefined where it is fresh, or lies below the head. */
  runAt(id: number): Run | undefined {
    const run = id < this.#head ? undefined : this.#runs.at(this.#runs.find(id))
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
    const first = this.#runs.find(start)
    const parts: Run[] = []
    let last = first
    let at = start
    for (let run = this.#runs.at(last); run && run.from <= to; run = this.#runs.at(last)) {
      if (run.from < start) addPart(parts, run.from, start - 1, run.value)
      if (run.from > at) addPart(parts, at, run.from - 1, changed(undefined))
      addPart(parts, Math.max(run.from, start), Math.min(run.to, to), changed(run.value))
      if (run.to > to) addPart(parts, to + 1, run.to, run.value)
      at = run.to + 1
      last = this.#runs.next(last)
    }
    if (at <= to) addPart(parts, at, to, changed(undefined))
    this.#replace(first, last, parts)
    this.#advance()
    if (freed) this.#mayBeReady(start)
  }

  #mayBeReady(id: number): void {
    if (id < this.#noneReady.id) this.#noneReady = { ...this.#noneReady, id }
  }

  /** Whether no id from the head to there was ever taken. */
  #isFresh(to: number): boolean {
    const { first } = this.#runs
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
    this.#mayBeReady(from)
  }

  /** Puts parts in the place of runs, merged with the neighbours that they continue. */
  #replace(first: number, last: number, parts: Run[]): void {
    let from = first
    let to = last
    const [head] = parts
    const before = head && this.#runs.at(this.#runs.before(first))
    if (before && head.from === before.to + 1 && same(before.value, head.value)) {
      parts[0] = { ...head, from: before.from }
      from = this.#runs.before(first)
    }
    const behind = this.#runs.at(last)
    const tail = parts.at(-1)
    if (behind && tail?.to === behind.from - 1 && same(behind.value, tail.value)) {
      parts[parts.length - 1] = { ...tail, to: behind.to }
      to = this.#runs.next(last)
    }
    this.#runs.replace(from, to, parts)
  }

  #advance(): void {
    for (let run = this.#runs.first; run && run.from <= this.#head; run = this.#runs.first) {
      if (run.value.state !== 'settled') return
      this.#head = run.to + 1
      this.#runs.replace(0, this.#runs.next(0), [])
    }
  }

  /** The first `limit` ready ids below `end`, as ranges of one attempt count each. */
  ready(end: number, limit: number, now: number): IdRange[] {
    if (limit === 0) return []
    const ranges: IdRange[] = []
    const { id, asOf, until } = this.#noneReady
    const isKnown = asOf <= now && now < until
    const passed = { asOf: isKnown ? asOf : now, until: isKnown ? until : Infinity }
    let left = limit
    let at = isKnown ? Math.max(id, this.#head) : this.#head
    for (let place = this.#runs.find(at); left > 0 && at < end; ) {
      const chunk = this.#runs.chunkAt(place)
      const run = this.#runs.at(place)
      left -= addRange(ranges, at, Math.min(run ? run.from : end, end) - 1, left)
      if (!run || !chunk || left === 0) break
      at = Math.max(at, run.from)
      if (ranges.length === 0) passed.until = Math.min(passed.until, chunk.nextDue(now))
      const covers = chunk.isDense && chunk.covered.back === chunk.delayed(now) ? chunk.runs.at(-1) : undefined
      if (!covers && isReady(run.value, now)) left -= addRange(ranges, at, Math.min(run.to, end - 1), left)
      at = (covers ?? run).to + 1
      place = covers ? this.#runs.nextChunk(place) : this.#runs.next(place)
    }
    this.#noneReady = { id: ranges[0]?.from ?? Math.min(at, end), ...passed }
    return ranges
  }

  /** How many ids below `end` are ready, and how many are not yet due. */
  count(end: number, now: number): { ready: number; delayed: number } {
    const covered = { ...this.#runs.covered }
    let delayed = covered.back === 0 ? 0 : this.#runs.chunks.reduce((sum, chunk) => sum + chunk.delayed(now), 0)
    for (let place = this.#runs.find(end); ; place = this.#runs.next(place)) {
      const run = this.#runs.at(place)
      if (!run) break
      const behind = run.to - Math.max(run.from, end) + 1
      covered[run.value.state] -= behind
      if (statusOf(run.value, now) === 'delayed') delayed -= behind
    }
    const fresh = Math.max(0, end - this.#head - (covered.settled + covered.inFlight + covered.back + covered.acked))
    return { ready: fresh + covered.back - delayed, delayed }
  }

  /** In flight, and the lease is over: again and again, until they are something else. */
  expired(now: number): IdRange[] {
    return this.#runs.expired(now).map(({ from, to }) => ({ from, to }))
  }

  /** Milliseconds until something is ready by itself, by the two clocks (wait/clock.ts). */
  dueIn(now: number, dueTime: number): number {
    return this.#runs.dueIn(now, dueTime)
  }

  /** Runs in flight of which that holds. */
  inFlightWhere(holds: (value: IdState) => boolean): Run[] {
    const chunks = this.#runs.chunks.filter(({ covered }) => covered.inFlight > 0)
    return chunks.flatMap(({ runs }) => runs.filter(({ value }) => value.state === 'inFlight' && holds(value)))
  }

  /** How many ids of the range are neither settled nor gone. */
  live(from: number, to: number): number {
    return live(this.#runs, Math.max(from, this.#head), to)
  }

  /** Ranges of one status from `from` on, below `end`. */
  withStatus(status: RunStatus, from: number, end: number, now: number): Generator<IdRange> {
    return withStatus(this.#runs, status, { from: Math.max(from, this.#head), end, now })
  }

  /** The parts of the range that nobody has taken yet. */
  freshRanges(from: number, to: number): IdRange[] {
    return freshRanges(this.#runs, Math.max(from, this.#head), to)
  }

  /** The parts of the range that are neither settled nor gone. */
  liveRanges(from: number, to: number): IdRange[] {
    return liveRanges(this.#runs, Math.max(from, this.#head), to)
  }
}
