// wide-steps.ts: steps beyond putting, taking and leasing, for the second family of words:
//
//   F lease one and fail it    R retry all that failed    X discard all that failed   T lease one and send it to the back
//   D put one that is due later   W lease one and give it back till later   c clear
//   M put three, dropping the oldest beyond four   m put one unless there are three   d delete two

import type { Listed, Status, Store } from '../../lib/store.ts'
import type { Found } from './oracle.ts'
import type { Mark } from './promises.ts'
import { documentOf, itemsOf } from './trial.ts'

export const WIDE_ALPHABET = '13pLofFRXTDWcMmd'

/** Later than any clock of the specs ever shows. */
const LATER = 4_000_000_000_000
const ALL = 1_000_000
const MOST = 4
const FULL = 3

export interface WideHands {
  readonly store: Store
  mark(mark: Mark): void
  nextCall(): number
  put(counts: readonly number[], options: { due?: number; bound?: { items: number } }): Promise<number | undefined>
}

export async function wideStep(letter: string, hands: WideHands): Promise<void> {
  const steps: Readonly<Record<string, () => Promise<void>>> = {
    F: () => failOne(hands),
    R: async () => moving(hands, await listed(hands.store, 'failed'), () => hands.store.retry()),
    X: async () => settling(hands, await listed(hands.store, 'failed'), () => hands.store.discard()),
    T: () => oneToBack(hands),
    D: () => putLater(hands),
    W: () => backLater(hands),
    c: async () => settling(hands, await waiting(hands.store), () => hands.store.clear()),
    M: () => putDropping(hands),
    m: async () => void (await hands.put([1], { bound: { items: FULL } })),
    d: () => drop(hands),
  }
  const step = steps[letter]
  if (!step) throw new Error(`no step ${letter}`)
  await step()
}

/** Held by nobody, but no take may touch it either: failed, or delayed. */
function setAside({ mark, nextCall }: WideHands, ids: readonly number[]): void {
  mark({ what: 'hold', call: nextCall(), ids })
}

async function leaseOne(hands: WideHands): Promise<Found | undefined> {
  const { store, mark, nextCall } = hands
  const call = nextCall()
  mark({ what: 'settle', call, ids: [], leasing: 1 })
  const [one] = itemsOf(await store.lease(1))
  mark({ what: 'settle done', call })
  mark({ what: 'hold', call, ids: one ? [one.id] : [] })
  return one
}

async function failOne(hands: WideHands): Promise<void> {
  const one = await leaseOne(hands)
  if (!one) return
  const ids = [{ from: one.id, to: one.id }]
  await hands.store.settle([{ outcome: 'fail', ids, reason: 'for the spec' }])
}

async function backLater(hands: WideHands): Promise<void> {
  const one = await leaseOne(hands)
  if (!one) return
  const ids = [{ from: one.id, to: one.id }]
  await hands.store.settle([{ outcome: 'back', ids, counted: true, due: LATER }])
}

async function oneToBack(hands: WideHands): Promise<void> {
  const one = await leaseOne(hands)
  if (!one) return
  const ids = [{ from: one.id, to: one.id }]
  await moving(hands, [one], () => hands.store.settle([{ outcome: 'toBack', ids }]))
}

async function putLater(hands: WideHands): Promise<void> {
  const id = await hands.put([1], { due: LATER })
  if (id !== undefined) setAside(hands, [id])
}

/** Items that get new ids: until that is told, they may stand under the old one, the new one, or both. */
async function moving(hands: WideHands, items: readonly Found[], move: () => Promise<unknown>): Promise<void> {
  const call = hands.nextCall()
  const ids = items.map(({ id }) => id)
  hands.mark({ what: 'move', call, ids })
  await move()
  const now = new Map((await waiting(hands.store)).map(({ id, item }) => [item, id]))
  hands.mark({ what: 'moved', call, ids, to: items.map(({ item }) => now.get(item) ?? 0) })
}

async function settling(hands: WideHands, items: readonly Found[], settle: () => Promise<unknown>): Promise<void> {
  const call = hands.nextCall()
  hands.mark({ what: 'settle', call, ids: items.map(({ id }) => id) })
  await settle()
  hands.mark({ what: 'settle done', call })
}

async function drop({ store, mark, nextCall }: WideHands): Promise<void> {
  const call = nextCall()
  const ready = await listed(store, 'ready')
  mark({ what: 'take', call, n: 2 })
  const count = await store.delete(2)
  mark({ what: 'take done', call, ids: ready.slice(0, count).map(({ id }) => id) })
}

/** What is dropped goes from the front, in the same step as the put. */
async function putDropping({ store, mark, nextCall }: WideHands): Promise<void> {
  const [call, putting] = [nextCall(), nextCall()]
  const ready = await listed(store, 'ready')
  const held = await store.counts()
  const items = [0, 1, 2].map((i) => `${putting}.${i}`)
  let dropped = 0
  const room = MOST - held.ready - held.delayed - held.inFlight
  mark({ what: 'take', call, n: Math.max(0, items.length - room) })
  mark({ what: 'put', call: putting, items })
  const bound = { items: MOST, whenFull: 'drop-oldest', dropped: (count: number) => (dropped += count) } as const
  const firstId = await store.append([documentOf(items)], { bound })
  if (firstId === undefined) mark({ what: 'put failed', call: putting, known: true })
  else mark({ what: 'put done', call: putting, firstId })
  // What was dropped may come back after a power cut: the put waits for its own sync alone.
  const ids = ready.slice(0, dropped).map(({ id }) => id)
  mark({ what: 'settle', call: putting, ids })
  mark({ what: 'settle done', call: putting, relaxed: true })
  mark({ what: 'take done', call, ids: [] })
}

/** Ready or delayed, by id. */
export async function waiting(store: Pick<Store, 'list'>): Promise<Found[]> {
  return [...(await listed(store, 'ready')), ...(await listed(store, 'delayed'))]
}

export async function listed(store: Pick<Store, 'list'>, status: Status): Promise<Found[]> {
  const all: readonly Listed[] = await store.list({ status, after: 0, limit: ALL })
  return itemsOf(all.map(({ piece }) => piece))
}
