// run-ranges.ts: ranges of ids, and what a list of runs says of a range.

import type { IdRange } from '../store.ts'
import { type IdState, type RunStatus, same, statusOf } from './id-state.ts'
import type { Chunk, Run } from './run-chunk.ts'
import type { RunList } from './run-list.ts'

/** Ranges of one status from `from` on, below `end`. */
export function* withStatus(
  runs: RunList,
  status: RunStatus,
  { from, end, now }: { readonly from: number; readonly end: number; readonly now: number },
): Generator<IdRange> {
  let at = from
  for (let place = runs.find(at); at < end; place = runs.next(place)) {
    const run = runs.at(place)
    const fresh = Math.min(run ? run.from : end, end) - 1
    if (status === 'ready' && at <= fresh) yield { from: at, to: fresh }
    if (!run) return
    if (statusOf(run.value, now) === status) yield { from: Math.max(run.from, at), to: Math.min(run.to, end - 1) }
    at = Math.max(at, run.to + 1)
  }
}

/** How many ids of the range are neither settled nor gone. */
export function live(runs: RunList, from: number, to: number): number {
  let count = Math.max(0, to - from + 1)
  for (let place = runs.find(from); count > 0; ) {
    const run = runs.at(place)
    if (!run || run.from > to) break
    const whole = wholeChunk(runs, place, { from, to })
    if (whole) count -= whole.covered.settled
    else if (run.value.state === 'settled') count -= Math.min(run.to, to) - Math.max(run.from, from) + 1
    place = whole ? runs.nextChunk(place) : runs.next(place)
  }
  return count
}

/** The chunk that begins at a place, where all of it lies in the range. */
function wholeChunk(runs: RunList, place: number, { from, to }: IdRange): Chunk | undefined {
  const chunk = runs.chunkAt(place)
  const [first, last] = [chunk?.runs[0], chunk?.runs.at(-1)]
  if (!first || !last || first !== runs.at(place)) return undefined
  return first.from >= from && last.to <= to ? chunk : undefined
}

/** The parts of the range that nobody has taken yet. */
export function freshRanges(runs: RunList, from: number, to: number): IdRange[] {
  const ranges: IdRange[] = []
  let at = from
  for (let place = runs.find(at); at <= to; place = runs.next(place)) {
    const run = runs.at(place)
    const last = Math.min(run ? run.from - 1 : to, to)
    if (at <= last) ranges.push({ from: at, to: last })
    if (!run || run.from > to) break
    at = Math.max(at, run.to + 1)
  }
  return ranges
}

/** The parts of the range that are neither settled nor gone. */
export function liveRanges(runs: RunList, from: number, to: number): IdRange[] {
  const ranges: IdRange[] = []
  let at = from
  for (let place = runs.find(at); at <= to; place = runs.next(place)) {
    const run = runs.at(place)
    if (!run || run.from > to) break
    if (run.value.state !== 'settled') continue
    if (run.from > at) ranges.push({ from: at, to: run.from - 1 })
    at = run.to + 1
  }
  if (at <= to) ranges.push({ from: at, to })
  return ranges
}

export function countOf(ranges: readonly IdRange[]): number {
  let count = 0
  for (const { from, to } of ranges) count += to - from + 1
  return count
}

/** Adds a part, merged with its neighbour where it continues it; a fresh part is no run. */
export function addPart(parts: Run[], from: number, to: number, value: IdState | undefined): void {
  if (from > to || !value) return
  const last = parts.at(-1)
  if (last && last.to === from - 1 && same(last.value, value)) parts[parts.length - 1] = { ...last, to }
  else parts.push({ from, to, value })
}

/** Adds the first `limit` ids of a range; returns how many that were. */
export function addRange(ranges: IdRange[], from: number, to: number, limit: number): number {
  if (from > to) return 0
  const last = Math.min(to, from + limit - 1)
  ranges.push({ from, to: last })
  return last - from + 1
}
