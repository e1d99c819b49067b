// leaver.ts: calls each method of a queue and of a map, and lets each of them fail; after each, once the handle is closed, it
// looks what is left of it in this process: descriptors, threads, timers, listeners.
//
//      node leaver.js STORE FOLDER        prints what was left behind, as a line of JSON: a list of words

import { getEventListeners } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { PassThrough, Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { AsyncQueue, PersistentMap, type QueueOptions } from '../../lib/index.ts'
import { methods as mapMethods } from '../map/living.ts'
import { indexedMethods, methods } from '../queue/living.ts'
import { cut } from '../queue/place.ts'

const CHECK = process.env.SPOOLQ_CHECK === '1'
const SEED = Number(process.env.SPOOLQ_SEED ?? 1)
/** What comes to rest later than this is left behind. */
const LATE_MS = 5000
const [, , store = '', folder = ''] = process.argv
const isLog = store === 'log'
const failure = new Error('as it should')
let serial = 0

function fresh(): string {
  serial += 1
  if (isLog) return `${folder}/q${serial}`
  return store === 'sqlite' ? `sqlite:${folder}/${serial}.db` : `memory:left${serial}`
}

async function opened(options: QueueOptions<number> = {}, location = fresh()): Promise<AsyncQueue<number>> {
  const queue = await AsyncQueue.open<number>(location, { durability: 'os', ...options })
  queue.on('error', () => {})
  await queue.putMany([1, 2, 3])
  return queue
}

/** Does it with a queue of 1, 2, 3, which is closed at once. */
async function withQueue(
  act: (queue: AsyncQueue<number>) => unknown,
  options: QueueOptions<number> = {},
): Promise<void> {
  const queue = await opened(options)
  try {
    await act(queue)
  } finally {
    await cut(queue)
  }
}

async function fails(call: Promise<unknown>): Promise<void> {
  const outcome = await call.then(
    () => 'went well',
    () => 'failed',
  )
  if (outcome !== 'failed') throw new Error('it did not fail')
}

const sink = (write: (item: unknown, done: (error?: Error) => void) => void): Writable => {
  return new Writable({ objectMode: true, write: (item, _, done) => write(item, done) })
}

async function aborted(call: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const own = new AbortController()
  const called = call(own.signal)
  await new Promise(setImmediate)
  own.abort(failure)
  await called.catch(() => {})
  if (getEventListeners(own.signal, 'abort').length > 0) throw new Error('it listens to the signal')
}

const never = (): Promise<never> => new Promise(() => {})

const failures: Record<string, () => Promise<unknown>> = {
  'an opening with another codec': async () => {
    const location = fresh()
    await (await opened({ codec: 'json' }, location)).close()
    await fails(AsyncQueue.open(location, { codec: 'v8' }))
  },
  'an opening whose signal has aborted': () => fails(AsyncQueue.open(fresh(), { signal: AbortSignal.abort(failure) })),
  'an opening whose signal aborts': () => aborted((signal) => AsyncQueue.open(fresh(), { signal }).then(cut)),
  'an opening of what is not ours': async () => {
    if (store === 'memory') return
    const path = `${folder}/foreign${serial}`
    if (isLog) mkdirSync(path)
    writeFileSync(isLog ? `${path}/queue.json` : path, 'something else, and long enough to be a header of any file')
    await fails(AsyncQueue.open(isLog ? path : `sqlite:${path}`))
  },
  'an opening with wrong options': () => fails(AsyncQueue.open(fresh(), { maxSize: -1 }).then(cut)),
  'a put that can not be encoded': () => withQueue((queue) => fails(queue.put((() => {}) as never))),
  'a put that finds no room': () => withQueue((queue) => fails(queue.put(4, { wait: false })), { maxSize: 3 }),
  'a put that waits for room in vain': () => withQueue((queue) => fails(queue.put(4, { timeout: 5 })), { maxSize: 3 }),
  'a put whose signal aborts': () =>
    withQueue((queue) => aborted((signal) => queue.put(4, { signal })), { maxSize: 3 }),
  'a get that finds nothing in time': () => withQueue((queue) => fails(queue.get(9, { min: 9, timeout: 5 }))),
  'a get whose signal aborts': () => withQueue((queue) => aborted((signal) => queue.get(9, { min: 9, signal }))),
  'a loop whose body throws': () =>
    withQueue((queue) =>
      fails(
        (async () => {
          for await (const _ of queue) throw failure
        })(),
      ),
    ),
  'a loop whose signal aborts': () =>
    withQueue((queue) => aborted((signal) => queue.batches(9, { maxWait: 1e6, signal }).next())),
  'a join whose signal aborts': () => withQueue((queue) => aborted((signal) => queue.join({ signal }))),
  'a consume whose handler throws': () =>
    withQueue((queue) => queue.consume(() => Promise.reject(failure), { wait: false, retry: { attempts: 1 } })),
  'a consume whose handler takes too long': () =>
    withQueue((queue) => queue.consume(never, { wait: false, timeout: 5, retry: { attempts: 1 } })),
  'a consume whose signal aborts': () => withQueue((queue) => aborted((signal) => queue.consume(() => {}, { signal }))),
  'a delivery that is settled twice': () =>
    withQueue(async (queue) => {
      const delivery = await queue.lease()
      await delivery?.ack()
      await fails(delivery?.ack() ?? Promise.resolve())
    }),
  'a copy to where something is': () => withQueue(async (queue) => fails(queue.copyTo(await filled()))),
  'a copy whose signal aborts': () =>
    withQueue((queue) => aborted((signal) => queue.copyTo(fresh(), { signal }).then(cut))),
  'a pipeline whose sink breaks': () =>
    withQueue((queue) =>
      fails(
        pipeline(
          queue,
          sink((_, done) => done(failure)),
        ),
      ),
    ),
  'a pipeline whose source breaks': () =>
    withQueue((queue) => fails(pipeline(Readable.from(broken()), queue.createWriteStream()))),
  'a pipe that is undone': () =>
    withQueue(async (queue) => {
      const to = new PassThrough({ objectMode: true })
      const count = (): number => to.eventNames().reduce((sum, name) => sum + to.listenerCount(name), 0)
      const before = count()
      queue.pipe(to)
      await new Promise(setImmediate)
      queue.unpipe(to)
      await new Promise(setImmediate)
      if (count() !== before) throw new Error(`${count() - before} listeners stay on the sink`)
    }),
  'a read stream that is destroyed': () =>
    withQueue((queue) =>
      queue
        .createReadStream()
        .destroy(failure)
        .on('error', () => {}),
    ),
  'a web stream that is cancelled': () => withQueue((queue) => queue.createWebStream().cancel()),
}

async function filled(): Promise<string> {
  const location = fresh()
  const queue = await opened({}, location)
  // In memory a queue is gone when nobody has it open.
  if (store === 'memory') later.push(() => queue.close())
  else await queue.close()
  return location
}

const later: (() => Promise<unknown>)[] = []

async function* broken(): AsyncGenerator<number> {
  yield 4
  throw failure
}

async function withMap(act: (map: PersistentMap<number>) => unknown): Promise<void> {
  const map = await PersistentMap.open<number>(`${fresh()}?map=m`, { durability: 'os' })
  await map.set('a', 1)
  await act(map)
  await map.close()
}

interface Here {
  readonly fds: number
  readonly threads: number
  /** What the event loop knows of. */
  readonly resources: readonly string[]
}

function here(): Here {
  const resources = process.getActiveResourcesInfo().filter((name) => name !== 'Immediate')
  return { fds: readdirSync('/proc/self/fd').length, threads: readdirSync('/proc/self/task').length, resources }
}

function isMore(now: Here, before: Here): boolean {
  const { fds, threads, resources } = before
  return now.fds > fds || now.threads > threads || now.resources.length > resources.length
}

/** What is there once nothing comes or goes any more. */
async function rested(): Promise<Here> {
  for (let before = here(); ; before = here()) {
    await pause(2)
    const now = here()
    if (!isMore(now, before) && !isMore(before, now)) return now
  }
}

/** What is left of it, in words, if anything is. */
async function left(name: string, act: () => Promise<unknown>): Promise<string[]> {
  const before = await rested()
  try {
    await act()
    for (const one of later.splice(0)) await one()
  } catch (error) {
    return [`${name}: ${error instanceof Error ? error.message : error}`]
  }
  for (const until = performance.now() + LATE_MS; performance.now() < until; await pause(2)) {
    if (!isMore(here(), before)) return []
  }
  return [`${name}: ${JSON.stringify(before)} before, ${JSON.stringify(here())} after`]
}

async function main(): Promise<void> {
  // Node starts its own threads at their first use.
  await readFile(new URL(import.meta.url))
  // So does its watch of folders, whose descriptor stays.
  await withQueue((queue) => queue.get(9, { min: 9, timeout: 20 }).catch(() => {}))
  const acts: (readonly [string, () => Promise<unknown>])[] = [
    ...Object.entries(isLog ? methods : { ...methods, ...indexedMethods }).map(
      ([name, [call]]) => [name, () => withQueue(call)] as const,
    ),
    ...Object.entries(failures),
    ...Object.entries(isLog ? {} : mapMethods).map(([name, [call]]) => [`map: ${name}`, () => withMap(call)] as const),
  ]
  // A thread for each of them takes its time to start.
  const mine = acts.filter((_, i) => CHECK || store !== 'sqlite' || i % 3 === SEED % 3)
  const all: string[] = []
  for (const [name, act] of mine) all.push(...(await left(name, act)))
  console.log(JSON.stringify(all))
}

if (process.argv[1]?.endsWith('leaver.js')) await main()
