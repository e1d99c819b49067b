// Histories of sinks (sink-histories.ts): many short ones at once, each by a seed of its own.

import { after, describe, it, type TestContext } from 'node:test'
import { AsyncQueue } from '../../lib/index.ts'
import { CHECK, counting } from '../layers.ts'
import { newSeed, randomFrom } from '../process/random.ts'
import { runHistory } from './sink-histories.ts'
import { nothingUntold, type Place, places } from './stream-kit.ts'

nothingUntold()

const COUNTS: Readonly<Record<string, number>> = CHECK ? { memory: 5200, log: 100 } : { memory: 60, log: 2 }
const AT_ONCE = 100
const MOST_MS = CHECK ? 40_000 : 10_000
/** What a history that failed has left open. */
const opened = new Set<AsyncQueue<number>>()
after(() => {
  for (const queue of opened) queue.destroy(new Error('over'))
  return Promise.all(Array.from(opened, (queue) => queue.close().catch(() => {})))
})

async function open(location: string): Promise<AsyncQueue<number>> {
  const queue = await AsyncQueue.open<number>(location, { durability: 'os' })
  queue.on('error', () => {})
  opened.add(queue)
  return queue
}

/** Whether it could be judged. */
async function history(place: Place, seed: number, number: number): Promise<boolean> {
  const location = place.fresh()
  const [queue, other] = [await open(location), await open(location)]
  const signal = AbortSignal.timeout(MOST_MS)
  const overdue = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  try {
    const dice = randomFrom(seed + number * 7919)
    return await Promise.race([runHistory({ queue, other, dice, signal }), overdue])
  } catch (error) {
    throw new Error(`SPOOLQ_SEED=${seed}, history ${number}: ${error}`, { cause: error })
  } finally {
    queue.destroy(new Error('over'))
    await other.close({ grace: 0 })
    opened.delete(queue)
    opened.delete(other)
  }
}

async function histories(t: TestContext, place: Place): Promise<void> {
  const counted = counting(t, 'histories of sinks')
  const [seed, count] = [newSeed(), COUNTS[place.name] ?? 0]
  t.diagnostic(`SPOOLQ_SEED=${seed}`)
  let judged = 0
  for (let from = 0; from < count; from += AT_ONCE) {
    const few = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => history(place, seed, from + i))
    judged += (await Promise.all(few)).filter((isJudged) => isJudged).length
  }
  counted(judged, Math.floor(count / 2))
}

describe('the queue, piped into sinks that call back as they like,', () => {
  for (const place of places) {
    it(`has lost what was called back for, and gives out all else again, over ${place.name}`, (t) =>
      histories(t, place))
  }
})
