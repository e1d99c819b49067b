// rester.ts: a process that waits in every way there is, each on a queue of its own, and says what that cost meanwhile.
//
//      node rester.js STORE FOLDER SECONDS WAY …        prints one line of JSON
//
// A way may be asked for many times: '2000 get'.

import { readdirSync, readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { AsyncQueue, type QueueOptions } from '../lib/index.ts'

type Wait = (queue: AsyncQueue<number>) => unknown

const DAY = 86_400_000
const SETTLE_MS = 1500

/** None of them ever ends. */
export const WAYS: Record<string, readonly [Wait, QueueOptions<number>?]> = {
  get: [(queue) => queue.get()],
  'get of several': [(queue) => queue.get(5, { min: 3 })],
  loop: [(queue) => drain(queue)],
  batches: [(queue) => drain(queue.batches(10, { maxWait: 1000 }))],
  deliveries: [(queue) => drain(queue.deliveries()), { leaseTimeout: DAY }],
  consume: [(queue) => queue.consume(() => {}, { batch: 10, maxWait: 1000, retry: { attempts: 5 } })],
  pipeline: [(queue) => pipeline(queue, new Writable({ objectMode: true, write: (_, __, done) => done() }))],
  join: [
    async (queue) => {
      await queue.put(1)
      await queue.lease()
      await queue.join()
    },
  ],
  room: [
    async (queue) => {
      await queue.put(1)
      await queue.put(2)
    },
    { maxSize: 1 },
  ],
  delayed: [
    async (queue) => {
      await queue.put(1, { delay: DAY })
      await drain(queue)
    },
  ],
  lease: [
    async (queue) => {
      await queue.put(1)
      await queue.lease()
      await drain(queue)
    },
    { leaseTimeout: DAY },
  ],
}

async function drain(all: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of all) throw new Error('something came')
}

/** What the kernel says of this process: how often its threads woke up, and what they wrote. */
export interface Cost {
  readonly wakeUps: number
  readonly diskBytes: number
  readonly cpuMs: number
}

/** Threads that were there before any queue are those of V8, which tidies up now and then. */
function costSince(v8: ReadonlySet<string>): Cost {
  const threads = readdirSync('/proc/self/task').filter((thread) => !v8.has(thread))
  const wakeUps = threads.map((thread) => {
    const status = readFileSync(`/proc/self/task/${thread}/status`, 'utf8')
    return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1])
  })
  const io = readFileSync('/proc/self/io', 'utf8')
  const { user, system } = process.cpuUsage()
  return {
    wakeUps: wakeUps.reduce((sum, count) => sum + count, 0),
    diskBytes: Number(/^write_bytes: (\d+)/m.exec(io)?.[1]),
    cpuMs: (user + system) / 1000,
  }
}

/** Each way, as often as it is asked for. */
function repeated(ways: readonly string[]): string[] {
  return ways.flatMap((way) => {
    const [, count = '1', name = ''] = /^(?:(\d+) )?(.*)$/.exec(way) ?? []
    return Array.from({ length: Number(count) }, () => name)
  })
}

function locationOf(store: string, folder: string, index: number): string {
  if (store === 'log') return `${folder}/q${index}`
  if (store === 'sqlite') return `sqlite:${folder}/q.db?queue=q${index}`
  return 'memory:'
}

async function main([store = '', folder = '', seconds = '', ...ways]: readonly string[]): Promise<void> {
  const v8 = new Set(readdirSync('/proc/self/task').filter((thread) => thread !== String(process.pid)))
  for (const [index, way] of repeated(ways).entries()) {
    const [wait, options] = WAYS[way] ?? []
    const queue = await AsyncQueue.open<number>(locationOf(store, folder, index), { durability: 'os', ...options })
    void wait?.(queue)
  }
  // Until what each of them opened and tried at first has come to rest.
  await pause(SETTLE_MS)
  const before = costSince(v8)
  await pause(Number(seconds) * 1000)
  const after = costSince(v8)
  const entries = Object.entries(after).map(([name, value]) => [name, value - before[name as keyof Cost]])
  console.log(JSON.stringify(Object.fromEntries(entries)))
  process.exit()
}

if (process.argv[1]?.endsWith('rester.js')) await main(process.argv.slice(2))
