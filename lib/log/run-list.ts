// run-list.ts: runs in the order of their ids, in chunks, each with the sums of its runs: however many there are, a
// change moves the runs of one chunk, and a search passes over whole chunks.
//
//    chunk   ┌ run run run run ┐ ┌ run run run ┐ ┌ run run run run run ┐
//            └ ids by state, …  ┘ └─────────────┘ └─────────────────────┘
//
// A place is a chunk's number and a run's number in it, as one number. A change makes all places invalid.

import { Chunk, type Covered, type Run } from './run-chunk.ts'

/** Runs of a chunk, at most: to move them costs less than a microsecond. */
const CHUNK_RUNS = 512
const STRIDE = 2 ** 16

export class RunList {
  /** None of them is empty. */
  readonly chunks: Chunk[] = []
  /** Ids by state, of all runs. */
  readonly covered: Covered = { settled: 0, inFlight: 0, back: 0, acked: 0 }
  readonly #chunkRuns: number
  #earliest = Infinity

  constructor(chunkRuns = CHUNK_RUNS) {
    this.#chunkRuns = chunkRuns
  }

  get first(): Run | undefined {
    return this.chunks[0]?.runs[0]
  }

  get last(): Run | undefined {
    return this.chunks.at(-1)?.runs.at(-1)
  }

  *[Symbol.iterator](): Generator<Run> {
    for (const { runs } of this.chunks) yield* runs
  }

  at(place: number): Run | undefined {
    return this.chunks[chunkOf(place)]?.runs[indexOf(place)]
  }

  next(place: number): number {
    const chunk = chunkOf(place)
    return indexOf(place) + 1 < (this.chunks[chunk]?.runs.length ?? 0) ? place + 1 : (chunk + 1) * STRIDE
  }

  /** The run before that place. */
  before(place: number): number {
    if (indexOf(place) > 0) return place - 1
    const chunk = chunkOf(place) - 1
    return chunk * STRIDE + (this.chunks[chunk]?.runs.length ?? 1) - 1
  }

  /** Of the first run that ends at `id` or behind it. */
  find(id: number): number {
    const { last } = this
    if (!last || last.to < id) return this.chunks.length * STRIDE
    const chunk = firstWhere(this.chunks.length, (index) => (this.chunks[index]?.runs.at(-1)?.to ?? 0) >= id)
    const runs = this.chunks[chunk]?.runs ?? []
    return chunk * STRIDE + firstWhere(runs.length, (index) => (runs[index]?.to ?? 0) >= id)
  }

  /** Puts other runs in the place of those from one place to before another. */
  replace(from: number, to: number, parts: readonly Run[]): void {
    const [first, last] = [this.#inLast(from), this.#inLast(to)]
    const [chunk, index] = [chunkOf(first), indexOf(first)]
    if (this.chunks.length === 0) this.chunks.push(new Chunk([]))
    if (chunkOf(last) === chunk) {
      this.#splice(chunk, index, { count: last - first, parts })
    } else {
      this.#splice(chunkOf(last), 0, { count: indexOf(last), parts: [] })
      for (let between = chunkOf(last) - 1; between > chunk; between--) this.#splice(between, 0, { parts: [] })
      this.#splice(chunk, index, { parts })
      this.chunks.splice(chunk + 1, chunkOf(last) - chunk - 1)
      this.#tidy(chunk + 1)
    }
    this.#tidy(chunk)
  }

  /** Behind the last run, where that is the end. */
  #inLast(place: number): number {
    const chunk = this.chunks.length - 1
    return chunk >= 0 && chunkOf(place) > chunk ? chunk * STRIDE + (this.chunks[chunk]?.runs.length ?? 0) : place
  }

  #splice(at: number, index: number, { count = Infinity, parts }: Exchange): void {
    const chunk = this.chunks[at]
    if (!chunk) return
    const [part] = parts
    const gone = count === 1 ? chunk.runs[index] : undefined
    if (part && gone && parts.length === 1) {
      this.#count(chunk, gone, -1)
      chunk.runs[index] = part
    } else {
      for (const run of exchange(chunk.runs, { index, count, parts })) this.#count(chunk, run, -1)
    }
    for (const run of parts) this.#count(chunk, run, 1)
  }

  #count(chunk: Chunk, run: Run, sign: 1 | -1): void {
    chunk.count(run, sign)
    this.covered[run.value.state] += sign * (run.to - run.from + 1)
    this.#earliest = Math.min(this.#earliest, chunk.earliest)
  }

  /** A chunk that has become too large is cut into several, one that has become small is merged with its neighbour. */
  #tidy(at: number): void {
    const chunk = this.chunks[at]
    if (!chunk) return
    const { length } = chunk.runs
    const most = this.#chunkRuns
    if (length > most) return this.#cut(at, chunk)
    if (length === 0) this.chunks.splice(at, 1)
    const next = this.chunks[at + 1]
    if (length === 0 || length > most / 4 || !next || length + next.runs.length > most / 2) return
    this.chunks.splice(at, 2, new Chunk(chunk.runs.concat(next.runs)))
  }

  #cut(at: number, { runs }: Chunk): void {
    const half = Math.ceil(this.#chunkRuns / 2)
    const cut = Array.from({ length: Math.ceil(runs.length / half) }, (_, i) => runs.slice(i * half, (i + 1) * half))
    this.chunks.splice(at, 1, ...cut.map((part) => new Chunk(part)))
  }

  /** Runs of leases that are over: again and again, until they are something else. */
  expired(now: number): Run[] {
    if (now < this.#earliest) return []
    const expired = this.chunks.flatMap((chunk) => chunk.expired(now))
    this.#earliest = this.chunks.reduce((least, { earliest }) => Math.min(least, earliest), Infinity)
    return expired
  }

  /** Milliseconds until the next delay ends, or the next lease, as of the last look; not above 0 where one has since. */
  dueIn(now: number, dueTime: number): number {
    const due =
      this.covered.back === 0 ? Infinity : Math.min(...this.chunks.map((chunk) => chunk.nextDueAsLooked(dueTime)))
    return Math.min(due - dueTime, this.#earliest - now)
  }

  /** The number of the chunk that a place is in, and where its next one begins. */
  chunkAt(place: number): Chunk | undefined {
    return this.chunks[chunkOf(place)]
  }

  nextChunk(place: number): number {
    return (chunkOf(place) + 1) * STRIDE
  }
}

interface Exchange {
  /** Infinity: all behind, too. */
  readonly count?: number
  readonly parts: readonly Run[]
}

/** As `splice`, for more parts than a call takes arguments; returns what was there. */
function exchange(runs: Run[], { index, count, parts }: Exchange & { readonly index: number; count: number }): Run[] {
  if (parts.length <= CHUNK_RUNS) return runs.splice(index, count, ...parts)
  const behind = runs.splice(index)
  const gone = behind.splice(0, count)
  for (const run of parts) runs.push(run)
  for (const run of behind) runs.push(run)
  return gone
}

function chunkOf(place: number): number {
  return Math.floor(place / STRIDE)
}

function indexOf(place: number): number {
  return place % STRIDE
}

/** The first number below `count` of which that holds; it holds of all behind it too. */
function firstWhere(count: number, holds: (index: number) => boolean): number {
  let [low, high] = [0, count]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
