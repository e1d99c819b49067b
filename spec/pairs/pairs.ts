// pairs.ts: all two calls of one handle at once, over one store: in one turn, and the second in a later one while the
// first is under way. What they come to has to be what they could have come to one after the other (trial.ts).
//
// `npm run check` tries all of them, `npm test` a slice: those that were wrong once, and others for each SPOOLQ_SEED.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { AsyncQueue, type QueueOptions } from '../../lib/index.ts'
import { CHECK, counting } from '../layers.ts'
import { type Call, FIRST, type Queue, SECOND } from './calls.ts'
import { type Arena, nameOf, type Pair, TIMES, type Time, tried } from './trial.ts'

export interface Store {
  readonly name: string
  /** Queues of its own, one for each lane. */
  readonly location: (lane: number) => string
  readonly options?: QueueOptions<string>
  readonly isIndexed: boolean
  /** All pairs at all times are tried. */
  readonly isQuick?: boolean
  /** So many pairs in `npm test`. */
  readonly few: number
  /** Calls that take too long there for so many pairs. */
  readonly without?: readonly string[]
}

const SEED = Number(process.env.SPOOLQ_SEED ?? 1)
/** Wrong once. */
const KNOWN: readonly (readonly [string, string, Time])[] = [
  ['lease', 'nack both', 'turn'],
  ['lease(2)', 'nack one', 'turn'],
]
/** So many at once, each on a queue of its own: most of the time is waited, where a handle closes with something in hand. */
export const LANES = 8
/** What a wrong pair leaves behind would make others wrong. */
const MOST_WRONG = 1

export function pairs(store: Store): void {
  it(`the queue in ${store.name} comes, by two calls at once, to what they come to one after the other`, async (t) => {
    const counted = counting(t, 'pairs of calls')
    const options = { leaseTimeout: 86_400_000, ...store.options }
    const all = chosen(store)
    const left = all.values()
    const wrong: string[] = []
    const lane = async (_: unknown, number: number): Promise<void> => {
      const open = async (): Promise<Queue> => {
        // A write that is refused is told by the stream as well.
        return (await AsyncQueue.open<string>(store.location(number), options)).on('error', () => {})
      }
      // In memory a queue is gone when nobody has it open.
      const eye = store.location(number).startsWith('memory:') ? await open() : undefined
      wrong.push(...(await triedAll({ durations: new Map(), isIndexed: store.isIndexed, open, serial: 0 }, left)))
      await eye?.close()
    }
    await Promise.all(Array.from({ length: LANES }, lane))
    assert.deepEqual(wrong, [], `SPOOLQ_SEED=${SEED}`)
    counted(all.length, CHECK ? 5000 : KNOWN.length)
  })
}

/** What is wrong with those that this lane tried, one after the other. */
async function triedAll(arena: Arena, left: Iterable<Pair>): Promise<string[]> {
  let queue: Queue = await arena.open()
  const wrong: string[] = []
  for (const pair of left) {
    const one = await tried(arena, queue, pair).catch((error: unknown) => {
      throw new Error(nameOf(pair), { cause: error })
    })
    queue = one.queue
    if (one.wrong !== undefined) wrong.push(one.wrong)
    if (wrong.length >= MOST_WRONG) break
  }
  await queue.close()
  return wrong
}

function isInCheck(time: Time, isEmpty: boolean, i: number): boolean {
  if (time === 'turn') return true
  const pair = Math.floor(i / (2 * TIMES.length))
  return time === TIMES[1 + ((pair + SEED) % (TIMES.length - 1))] && isEmpty === ((pair + SEED) % 4 === 0)
}

function chosen(store: Store): Pair[] {
  const has = ({ isIndexed, name }: Call): boolean => {
    return (store.isIndexed || isIndexed !== true) && !(store.without ?? []).includes(name)
  }
  const all: Pair[] = []
  for (const first of FIRST.filter(has)) {
    for (const second of SECOND.filter(has)) {
      for (const time of TIMES) for (const isEmpty of [false, true]) all.push({ first, second, time, isEmpty })
    }
  }
  // Elsewhere each pair in one turn, and in one of the others for each SPOOLQ_SEED.
  if (CHECK) return store.isQuick === true ? all : all.filter(({ time, isEmpty }, i) => isInCheck(time, isEmpty, i))
  const known = all.filter(({ first, second, time }) => {
    return KNOWN.some(([one, other, when]) => first.name === one && second.name === other && time === when)
  })
  // Of neighbours in the list no two are alike: far apart, each call comes in its turn.
  const others = Array.from({ length: store.few }, (_, i) => all[(SEED * 7919 + i * 104_729) % all.length])
  return [...known, ...others.filter((pair) => pair !== undefined)]
}
