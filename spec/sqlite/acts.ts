// acts.ts: what can be done to a queue at the seam, each act the same on every store: how many, how late and which item
// follows from two numbers and from what the handle was ever handed. What an act resolves to is in words, so that two
// stores can be compared.

import { SettledError } from '../../lib/errors.ts'
import type {
  AppendOptions,
  Document,
  HeldRange,
  Hold,
  Listed,
  Order,
  Piece,
  Settlement,
  Status,
  Store,
} from '../../lib/store.ts'
import type { ManualClock } from '../wait/manual-clock.ts'

/** A queue, its two handles, and what each was ever handed. */
export interface Side {
  readonly order: Order
  /** Whether its items have keys. */
  readonly isKeyed: boolean
  readonly clock: ManualClock
  readonly stores: [Store, Store]
  readonly handed: [Piece[], Piece[]]
  open(): Promise<Store>
}

export interface Act {
  readonly kind: string
  readonly handle: 0 | 1
  readonly n: number
  readonly m: number
}

/** Carries out an act; resolves to what it resolved to, in words. */
export async function carryOut(side: Side, act: Act): Promise<unknown> {
  return acts[act.kind]?.(new Hand(side, act))
}

class Hand {
  readonly side: Side
  readonly act: Act
  readonly store: Store
  readonly n: number
  readonly m: number
  readonly now: number
  readonly handed: Piece[]

  constructor(side: Side, act: Act) {
    this.side = side
    this.act = act
    this.store = side.stores[act.handle]
    this.handed = side.handed[act.handle]
    this.n = act.n
    this.m = act.m
    this.now = side.clock.now()
  }

  /** Puts as the queue does: with keys where it is unique, with a priority where that is its order. */
  async put(options: AppendOptions = {}): Promise<unknown> {
    const { m, n, store, side } = this
    const given = side.order === 'priority' ? { ...options, priority: m % 4 } : options
    if (!side.isKeyed) return store.append(documents(n, m), given)
    return store.appendUnique?.(documents(n, m), keys(n, m), given)
  }

  /** Items are told and kept in mind, to be settled by a later act. */
  async take(n: number, first: Settlement[] = [], hold: Hold = {}): Promise<unknown> {
    return this.#handed(this.store.lease(n, first, hold))
  }

  async pick(pick: { readonly id: number } | { readonly after: number }): Promise<unknown> {
    return this.#handed(this.store.lease(1, [], {}, pick))
  }

  async #handed(taken: Promise<Piece[]>): Promise<string[]> {
    const pieces = (await taken).flatMap(singles)
    this.handed.push(...pieces)
    return pieces.map(told)
  }

  /** Some of what this handle was handed and, mostly, holds. */
  async chosen(): Promise<HeldRange[]> {
    const { handed, store, n, m } = this
    const listed = await store.list({ status: 'inFlight', after: 0, limit: 999 })
    const flying = new Set(listed.map(({ piece }) => piece.firstId))
    const last = new Map(handed.map((piece) => [piece.firstId, piece]))
    const own = [...last.values()].filter(({ firstId }) => flying.has(firstId) || m % 10 === 0)
    const start = own.length === 0 ? 0 : m % own.length
    return own.slice(start, start + n).map(({ firstId, attempt }) => ({ from: firstId, to: firstId, attempt }))
  }

  async settle(settlementOf: (ids: HeldRange[]) => Settlement): Promise<unknown> {
    const ids = await this.chosen()
    return ids.length === 0 ? 'nothing' : this.store.settle([settlementOf(ids)]).then(() => 'settled', refused)
  }
}

const acts: Record<string, (hand: Hand) => Promise<unknown>> = {
  put: (hand) => hand.put({ attempt: hand.m % 2 }),
  putLater: (hand) => hand.put({ due: hand.now + (hand.m % 50) }),
  putBounded: (hand) => hand.put({ bound: { items: 12 + (hand.m % 9), bytes: hand.m % 3 === 0 ? 60 : undefined } }),
  putDropping: async (hand) => {
    const counts: number[] = []
    const dropped = (count: number): void => void counts.push(count)
    return [await hand.put({ bound: { items: 12, bytes: 80, whenFull: 'drop-oldest', dropped } }), counts]
  },
  putAtOnce: async ({ store, n, m, now, side }) => {
    if (side.isKeyed) return 'nothing'
    const one = (i: number, options?: AppendOptions) => store.append(documents(n, m + i), options)
    const popped = (pieces: Piece[]) => pieces.flatMap(singles).map(told)
    return Promise.all([one(1), one(2, { due: now + 5 }), one(3), one(4), store.pop(2).then(popped), one(5)])
  },
  popAtOnce: async ({ store, n, m }) => {
    const popped = await Promise.all([store.pop(n), store.pop(1), store.delete(m % 2), store.pop(0), store.pop(2)])
    return popped.map((one) => (typeof one === 'number' ? one : one.flatMap(singles).map(told)))
  },
  peek: async ({ store, n }) => (await store.peek(n)).flatMap(singles).map(told),
  pop: async ({ store, n }) => (await store.pop(n)).flatMap(singles).map(told),
  delete: ({ store, n }) => store.delete(n),
  clear: async ({ store, m }) => (m % 4 === 0 ? store.clear() : 0),
  lease: (hand) => hand.take(hand.n),
  leaseBriefly: (hand) => hand.take(hand.n, [], { deadline: hand.now + 1 + (hand.m % 40) }),
  leaseById: (hand) => hand.pick({ id: hand.m % 60 }),
  leaseAfter: (hand) => hand.pick({ after: hand.m % 60 }),
  settleAndLease: async (hand) => {
    const ids = await hand.chosen()
    return hand.take(hand.n, ids.length === 0 ? [] : [{ outcome: 'ack', ids }]).catch(refused)
  },
  ack: (hand) => hand.settle((ids) => ({ outcome: 'ack', ids })),
  back: (hand) => hand.settle((ids) => ({ outcome: 'back', ids, counted: hand.m % 2 === 0 })),
  backLater: (hand) => hand.settle((ids) => ({ outcome: 'back', ids, counted: true, due: hand.now + (hand.m % 30) })),
  toBack: (hand) => hand.settle((ids) => ({ outcome: 'toBack', ids, due: dueOf(hand) })),
  again: async (hand) => {
    const hold = { deadline: hand.m % 2 === 0 ? undefined : hand.now + 25 }
    const ids = await hand.chosen()
    const done = await hand.settle(() => ({ outcome: 'again', ids, hold }))
    if (done === 'settled') for (const { from } of ids) countOnce(hand.handed, from)
    return done
  },
  fail: (hand) =>
    hand.settle((ids) => ({ outcome: 'fail', ids, reason: `reason ${hand.m}`, counted: hand.m % 2 === 0 })),
  extend: async (hand) => {
    const deadline = hand.m % 5 === 0 ? 0 : hand.now + (hand.m % 60)
    return hand.store.extend(await hand.chosen(), deadline).then(() => 'extended', refused)
  },
  update: async ({ store, n, m, side }) => {
    const key = side.isKeyed && m % 3 > 0 ? keys(1, m)[0] : undefined
    return Promise.all(documents(1, m + n).map((document) => store.update?.(m % 60, document, key)))
  },
  retry: ({ store, m }) => store.retry(m % 2 === 0 ? undefined : [m % 30, (m + 1) % 30]),
  discard: async ({ store, m }) => (m % 3 === 0 ? store.discard(m % 2 === 0 ? undefined : [m % 30]) : 0),
  pass: async ({ side, m }) => side.clock.pass(m % 30),
  reopen: async ({ store, side, act, handed }) => {
    await store.close()
    handed.length = 0
    side.stores[act.handle] = await side.open()
  },
}

export const KINDS = Object.keys(acts)

const STATUSES: readonly Status[] = ['ready', 'delayed', 'inFlight', 'failed', 'acked']

/** All that a queue holds, in words. */
export async function stateOf({ stores: [store] }: Side): Promise<object> {
  const { nextId, oldest, ready, delayed, inFlight, failed, acked } = await store.stats()
  const lists = await Promise.all(STATUSES.map((status) => store.list({ status, after: 0, limit: 999 })))
  const front = (await store.peek(999)).flatMap(singles).map(told)
  return { nextId, oldest, ready, delayed, inFlight, failed, acked, lists: lists.map((list) => list.map(line)), front }
}

/** Items of a call: their bytes tell most of them from the others of a run, and have some lengths. */
function documents(n: number, m: number): Document[] {
  return Array.from({ length: n }, (_, i) => ({ bytes: Buffer.from(`${m}${'.'.repeat((m + i) % 9)}`), count: 1 }))
}

function keys(n: number, m: number): string[] {
  return Array.from({ length: n }, (_, i) => `key ${(m + i) % 12}`)
}

function dueOf({ m, now }: Hand): number | undefined {
  return m % 3 === 0 ? now + 10 : undefined
}

/** Handed out once more, to the same handle. */
function countOnce(handed: Piece[], id: number): void {
  const piece = handed.findLast(({ firstId }) => firstId === id)
  if (piece !== undefined) handed.push({ ...piece, attempt: piece.attempt + 1 })
}

function refused(error: unknown): string {
  if (error instanceof SettledError) return 'SettledError'
  throw error
}

function singles(piece: Piece): Piece[] {
  return Array.from({ length: piece.count }, (_, i) => ({ ...piece, firstId: piece.firstId + i, skip: piece.skip + i }))
}

function told({ firstId, document, attempt }: Piece): string {
  return `${firstId} ${Buffer.from(document.bytes)} ${attempt}`
}

function line({ piece, reason, priority }: Listed): string {
  return `${told(piece)} ${piece.enqueuedAt} ${reason} ${priority}`
}
