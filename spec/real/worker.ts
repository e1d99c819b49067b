// worker.ts: a process that uses a queue until it is killed, or for so many steps: node worker.js <arguments as JSON>.
// It tells what it asks and what resolved, a line each, written before it goes on (judge.ts says what they mean).

import { writeSync } from 'node:fs'
import { AsyncQueue, type QueueOptions } from '../../lib/index.ts'
import { randomFrom } from '../process/random.ts'
import { type Item, itemOf } from './judge.ts'

export interface Work {
  readonly folder: string
  readonly options: Pick<QueueOptions, 'durability' | 'segmentSize' | 'flushLimit'>
  readonly seed: number
  /** The number of its first item. */
  readonly first: number
  readonly puts: boolean
  readonly takes: boolean
  /** Steps of each of its lanes; without it, until it is killed. */
  readonly steps?: number
}

function tell(line: string): void {
  writeSync(1, `${line}\n`)
}

const work: Work = JSON.parse(process.argv[2] ?? '{}')
const random = randomFrom(work.seed)
const steps = work.steps ?? Number.POSITIVE_INFINITY
let number = work.first
let queue = await open()
tell('open')

const lanes = [...(work.puts ? [putting(), putting()] : []), ...(work.takes ? [taking()] : [])]
await Promise.all(lanes)
await queue.close()
tell('closed')

async function open(): Promise<AsyncQueue<Item>> {
  const opened = await AsyncQueue.open<Item>(work.folder, work.options)
  opened.on('corruption', (corruption) => tell(`corruption ${JSON.stringify(corruption)}`))
  return opened
}

/** What failed is told by its code, and by that of its cause: `failed put ERR_QUEUE_STORAGE EIO`. */
async function told(what: string, error: unknown): Promise<void> {
  const code = (of: unknown) => (of instanceof Error && 'code' in of ? String(of.code) : 'none')
  tell(`failed ${what} ${code(error)} ${code(error instanceof Error ? error.cause : undefined)} ${error}`)
  // Whoever goes on until it is killed has met the end of its disk: it waits for that.
  if (steps === Number.POSITIVE_INFINITY) await new Promise(() => setInterval(() => undefined, 1 << 30))
}

async function putting(): Promise<void> {
  for (let step = 0; step < steps; step++) {
    const count = random() < 0.5 ? 1 : 1 + Math.floor(random() * 12)
    const from = number
    number += count
    tell(`put ${from} ${number - 1}`)
    const items = Array.from({ length: count }, (_, i) => itemOf(from + i))
    try {
      await (count === 1 && items[0] ? queue.put(items[0]) : queue.putMany(items))
      tell(`kept ${from} ${from + count - 1}`)
    } catch (error) {
      await told('put', error)
    }
  }
}

async function taking(): Promise<void> {
  for (let step = 0; step < steps; step++) {
    const dice = random()
    try {
      if (dice < 0.06) await queue.flush()
      else if (dice < 0.09 && !work.puts) await reopen()
      else await take(1 + Math.floor(random() * 12), dice < 0.5)
    } catch (error) {
      await told('take', error)
    }
  }
}

async function take(n: number, byLease: boolean): Promise<void> {
  tell(`take ${n}`)
  if (!byLease) {
    for (const item of await queue.pop(n)) gone(item)
    return tell('taken')
  }
  for (const delivery of await queue.lease(n)) {
    await delivery.ack()
    gone(delivery.item)
  }
  tell('taken')
}

function gone(item: Item): void {
  tell(`gone ${item.number}`)
}

async function reopen(): Promise<void> {
  await queue.close()
  queue = await open()
}
