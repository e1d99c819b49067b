// runs-model.ts: one state for each id, in an array, and commands that do the same to it and to runs.

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type IdState, SETTLED } from '../../lib/log/id-state.ts'
import { countOf, Runs } from '../../lib/log/runs.ts'
import type { IdRange } from '../../lib/store.ts'

const LAST = 40
const TIMES = [0, 5, 10]

type Next = (value: IdState | undefined) => IdState | undefined

/** One state for each id; undefined is fresh. */
class Naive {
  readonly states: (IdState | undefined)[] = []
  head: number

  constructor(head: number) {
    this.head = head
  }

  at(id: number): IdState | undefined {
    return id < this.head ? SETTLED : this.states[id]
  }

  change(from: number, to: number, next: Next): void {
    for (let id = Math.max(from, this.head); id <= to; id++) this.states[id] = next(this.states[id])
    while (this.states[this.head]?.state === 'settled') this.head++
  }

  restore(from: number, to: number): void {
    for (let id = from; id < this.head; id++) this.states[id] = SETTLED
    this.head = Math.min(this.head, from)
    for (let id = from; id <= to; id++) this.states[id] = undefined
  }

  trimAcked(keep: number): void {
    const acked = this.ids(1, LAST + 1, (value) => value?.state === 'acked')
    for (const id of acked.slice(0, Math.max(0, acked.length - keep))) this.change(id, id, () => SETTLED)
  }

  ids(from: number, end: number, wanted: (value: IdState | undefined) => boolean): number[] {
    const ids: number[] = []
    for (let id = Math.max(1, from); id < end; id++) if (wanted(this.at(id))) ids.push(id)
    return ids
  }

  count(state: IdState['state']): number {
    return this.ids(1, LAST + 1, (value) => value?.state === state).length
  }
}

const isLive = (value: IdState | undefined) => value?.state !== 'settled'
const isReady = (now: number) => (value: IdState | undefined) =>
  value === undefined || (value.state === 'back' && value.due <= now)
const isDelayed = (now: number) => (value: IdState | undefined) => value?.state === 'back' && value.due > now

/** What the cursor makes of states, and what it could make of them. */
const NEXT: Record<string, Next> = {
  settled: () => SETTLED,
  fresh: () => undefined,
  'again what it is': (value) => value,
  'one attempt more': (value) =>
    value?.state === 'inFlight' || value?.state === 'back'
      ? { ...value, attempt: value.attempt + 1 }
      : { state: 'back', attempt: 1, due: 0 },
  'back if in flight': (value) =>
    value?.state === 'inFlight' ? { state: 'back', attempt: value.attempt, due: 5 } : value,
  'settled if back': (value) => (value?.state === 'back' ? SETTLED : value),
}

const small = fc.nat(2)
const anyDeadline = fc.constantFrom(...TIMES)
const anyState: fc.Arbitrary<IdState> = fc.oneof(
  fc.constant(SETTLED),
  fc.constant<IdState>({ state: 'settled' }),
  fc.constant<IdState>({ state: 'acked' }),
  fc.record(
    { state: fc.constant('inFlight' as const), owner: small, attempt: small, deadline: anyDeadline, mode: small },
    { noNullPrototype: true },
  ),
  fc.record(
    { state: fc.constant('back' as const), attempt: small, due: fc.constantFrom(...TIMES) },
    { noNullPrototype: true },
  ),
)
const anyRange = fc.tuple(fc.integer({ min: 1, max: LAST }), fc.integer({ min: 1, max: LAST }))

export class Pair {
  readonly model: Naive
  readonly runs: Runs
  now = 0

  constructor(head: number) {
    this.model = new Naive(head)
    // Chunks as small as can be, so that a few runs are several.
    this.runs = new Runs(head, 4)
  }

  check(): void {
    const { model, runs } = this
    assert.equal(runs.head, model.head)
    for (let id = 1; id <= LAST + 1; id++) assert.deepEqual(runs.at(id), model.at(id), `id ${id}`)
    assert.equal(runs.settled, Math.max(model.head - 1 - LAST, 0) + model.count('settled'))
    assert.equal(runs.inFlight, model.count('inFlight'))
    assert.equal(runs.acked, model.count('acked'))
    const named = model.ids(model.head, LAST + 1, (value) => value !== undefined)
    assert.equal(runs.highest, named.at(-1) ?? model.head - 1)
    this.#isTidy()
  }

  /** Sorted, behind the head, and as few as can be. */
  #isTidy(): void {
    let before: { to: number; value: string } | undefined
    for (const { from, to, value } of this.runs) {
      assert.ok(from <= to && from >= this.runs.head && from > (before?.to ?? 0))
      assert.ok(before?.to !== from - 1 || before.value !== JSON.stringify(value), `${from} to ${to} continues a run`)
      before = { to, value: JSON.stringify(value) }
    }
    assert.notEqual(this.runs.at(this.runs.head)?.state, 'settled')
  }
}

type Action = (pair: Pair) => void

/** A command that can always be run, and after which both say the same. */
function command(text: string, act: Action): fc.Command<Pair, Pair> {
  const run = (pair: Pair) => {
    act(pair)
    pair.check()
  }
  return { check: () => true, run, toString: () => text }
}

function change(text: string, [from, to]: readonly [number, number], next: Next): fc.Command<Pair, Pair> {
  return command(`${text} (${from}, ${to})`, ({ model, runs }) => {
    model.change(from, to, next)
    runs.change(from, to, next)
  })
}

function idsOf(ranges: Iterable<IdRange>): number[] {
  return [...ranges].flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, index) => from + index))
}

export const commands = [
  fc.tuple(anyRange, anyState).map(([range, state]) => change(`set ${JSON.stringify(state)}`, range, () => state)),
  fc
    .tuple(anyRange, fc.constantFrom(...Object.keys(NEXT)))
    .map(([range, name]) => change(name, range, NEXT[name] ?? assert.fail())),
  anyRange.map(([a, b]) =>
    command(`restore(${[Math.min(a, b), Math.max(a, b)]})`, ({ model, runs }) => {
      model.restore(Math.min(a, b), Math.max(a, b))
      runs.restore(Math.min(a, b), Math.max(a, b))
    }),
  ),
  fc.tuple(fc.integer({ min: 1, max: LAST + 1 }), fc.nat(12)).map(([end, limit]) =>
    command(`ready(${end}, ${limit})`, ({ model, runs, now }) => {
      const ranges = runs.ready(end, limit, now)
      assert.deepEqual(idsOf(ranges), model.ids(model.head, end, isReady(now)).slice(0, limit))
      for (const { from, to } of ranges) {
        const attempts = model.ids(from, to + 1, () => true).map((id) => JSON.stringify(model.at(id)))
        assert.equal(new Set(attempts).size, 1, 'a range is of one state')
      }
    }),
  ),
  fc.nat(10).map((keep) =>
    command(`trimAcked(${keep})`, ({ model, runs }) => {
      model.trimAcked(keep)
      runs.trimAcked(keep)
    }),
  ),
  anyRange.map(([from, to]) =>
    command(`freshRanges(${from}, ${to})`, ({ model, runs }) => {
      const fresh = model.ids(from, to + 1, (value) => value === undefined)
      assert.deepEqual(idsOf(runs.freshRanges(from, to)), fresh)
    }),
  ),
  fc.constantFrom(...TIMES).map((ms) =>
    command(`the clock says ${ms}`, (pair) => {
      pair.now = ms
    }),
  ),
  fc.integer({ min: 1, max: LAST + 1 }).map((end) =>
    command(`count(${end})`, ({ model, runs, now }) => {
      const ready = model.ids(model.head, end, isReady(now)).length
      const delayed = model.ids(model.head, end, isDelayed(now)).length
      assert.deepEqual(runs.count(end, now), { ready, delayed })
    }),
  ),
  fc.constant(
    command('expired()', ({ model, runs, now }) => {
      const isOver = (value: IdState | undefined) =>
        value?.state === 'inFlight' && value.deadline > 0 && value.deadline <= now
      assert.deepEqual(idsOf(runs.expired(now)), model.ids(1, LAST + 1, isOver))
      assert.deepEqual(idsOf(runs.expired(now)), model.ids(1, LAST + 1, isOver), 'again and again')
      const held = runs.inFlightWhere((value) => value.state === 'inFlight' && value.owner === 1)
      const isHeld = (value: IdState | undefined) => value?.state === 'inFlight' && value.owner === 1
      assert.deepEqual(idsOf(held), model.ids(1, LAST + 1, isHeld))
    }),
  ),
  anyRange.map(([from, to]) =>
    command(`live(${from}, ${to})`, ({ model, runs }) => {
      const live = model.ids(from, to + 1, isLive)
      assert.equal(runs.live(from, to), live.length)
      const ranges = runs.liveRanges(from, to)
      assert.deepEqual(idsOf(ranges), live)
      assert.equal(countOf(ranges), live.length)
      assert.ok(ranges.every((range, index) => range.from > (ranges[index - 1]?.to ?? -1) + 1))
    }),
  ),
  anyRange.map(([from, end]) =>
    command(`withStatus(${from}, ${end})`, ({ model, runs, now }) => {
      const wanted = { ready: isReady(now), delayed: isDelayed(now), inFlight: isInFlight, acked: isAcked }
      for (const status of ['ready', 'delayed', 'inFlight', 'acked'] as const) {
        assert.deepEqual(idsOf(runs.withStatus(status, from, end, now)), model.ids(from, end, wanted[status]), status)
      }
    }),
  ),
]

function isAcked(value: IdState | undefined): boolean {
  return value?.state === 'acked'
}

function isInFlight(value: IdState | undefined): boolean {
  return value?.state === 'inFlight'
}
