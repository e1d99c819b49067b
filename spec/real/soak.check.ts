// soak.check.ts: a minute of work: producers and consumers in processes of their own, one of them killed every few
// seconds and replaced, a million items. Nothing is lost, and memory, open files and the folder stay as they were.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { AsyncQueue } from '../../lib/index.ts'
import { counting, notTried } from '../layers.ts'
import { newSeed, randomFrom } from '../process/random.ts'
import type { Soaking } from './soak-worker.ts'
import { newFolder, startWorker, type Worker } from './workers.ts'

const ITEMS = 1_000_000
const SECONDS = 60
const KILL_EVERY_MS = 3000
const LOOK_EVERY_MS = 500
const BATCH = 500
const program = fileURLToPath(new URL('./soak-worker.js', import.meta.url))
const options = { durability: 'os', segmentSize: 1 << 20, flushLimit: 1 << 20 } as const

interface Sample {
  readonly kilobytes: number
  readonly files: number
}

/** What the kernel says of a process. */
function sampleOf(pid: number): Sample | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1])
    return { kilobytes, files: readdirSync(`/proc/${pid}/fd`).length }
  } catch {
    return
  }
}

/** Files come and go meanwhile. */
function bytesIn(folder: string): number {
  const sizes = readdirSync(folder).map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0)
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Everything that was told to be there or gone: numbers are `producer * SPAN + number`. */
class Books {
  readonly #kept: { from: number; to: number }[] = []
  readonly #gone = new Map<number, number>()
  items = 0

  hear(lines: readonly string[]): void {
    for (const line of lines) {
      const [word, from = Number.NaN, to = Number.NaN] = line
        .split(' ')
        .map((each, i) => (i === 0 ? each : Number(each)))
      if (typeof from !== 'number' || typeof to !== 'number') continue
      if (word === 'kept') this.keep(from, to)
      if (word === 'done') for (let number = from; number <= to; number++) this.go(number)
    }
  }

  keep(from: number, to: number): void {
    this.#kept.push({ from, to })
    this.items += to - from + 1
  }

  go(number: number): void {
    this.#gone.set(number, (this.#gone.get(number) ?? 0) + 1)
  }

  missing(): number[] {
    const missing: number[] = []
    for (const { from, to } of this.#kept) {
      for (let number = from; number <= to; number++) if (!this.#gone.has(number)) missing.push(number)
    }
    return missing
  }

  get repeated(): number {
    return [...this.#gone.values()].filter((times) => times > 1).length
  }
}

it('the queue stays as it is through a minute of work, kills and a million items', async (t) => {
  if (process.platform !== 'linux') return notTried(t, 'items of the soak', 'it looks into /proc')
  const counted = counting(t, 'items of the soak')
  const folder = join(newFolder(t, 'soak'), 'queue')
  const seed = newSeed()
  const soak = new Soak(t, folder, randomFrom(seed))
  await soak.run()
  const { books, kills, samples, mostBytes } = soak
  await using queue = await AsyncQueue.open<number>(folder)
  for (let items = await queue.pop(10_000); items.length > 0; items = await queue.pop(10_000)) {
    for (const number of items) books.go(number)
  }
  const told = `${books.items} items, ${kills} kills, ${books.repeated} repeated, at most ${mostBytes >> 10} KiB on disk`
  t.diagnostic(`${told}, seed ${seed}`)
  assert.deepEqual(books.missing().slice(0, 10), [], 'lost')
  assert.equal((await queue.stats()).lost, 0)
  counted(books.items, ITEMS)
  assert.ok(kills >= 10, told)
  // A batch of each consumer that was killed, and what it had acknowledged in the background.
  assert.ok(books.repeated <= kills * BATCH * 2, told)
  // What waits is bounded by maxSize: a few bytes each.
  assert.ok(mostBytes < 24 << 20, told)
  for (const sample of samples.values()) assertFlat(sample)
})

/** From the first third on it does not grow. */
function assertFlat(samples: readonly Sample[]): void {
  if (samples.length < 20) return
  const third = Math.floor(samples.length / 3)
  const most = (part: readonly Sample[], of: keyof Sample) => Math.max(...part.map((sample) => sample[of]))
  const [early, late] = [samples.slice(0, third * 2), samples.slice(third * 2)]
  assert.ok(most(late, 'kilobytes') < most(early, 'kilobytes') * 1.3 + 20_000, JSON.stringify(samples))
  assert.ok(most(late, 'files') <= most(early, 'files') + 4, JSON.stringify(samples))
}

class Soak {
  readonly books = new Books()
  readonly samples = new Map<number, Sample[]>()
  kills = 0
  mostBytes = 0
  readonly #t: TestContext
  readonly #folder: string
  readonly #random: () => number
  #crew: { readonly worker: Worker; readonly role: Soaking['role'] }[] = []
  #producers = 0

  constructor(t: TestContext, folder: string, random: () => number) {
    this.#t = t
    this.#folder = folder
    this.#random = random
  }

  async run(): Promise<void> {
    for (const role of ['produce', 'produce', 'consume', 'consume'] as const) this.#start(role)
    await this.#crew[0]?.worker.heard(1)
    const started = performance.now()
    let killed = started
    // A slow machine gets more time for the same items.
    while (performance.now() - started < SECONDS * 1000 || (this.#told() < ITEMS && this.kills < 200)) {
      await pause(LOOK_EVERY_MS)
      this.#look()
      if (performance.now() - killed < KILL_EVERY_MS) continue
      killed = performance.now()
      await this.#killOne()
    }
    for (const { worker } of this.#crew) await worker.kill()
    for (const { worker } of this.#crew) this.books.hear(worker.lines)
  }

  #told(): number {
    const running = this.#crew.flatMap(({ worker, role }) => (role === 'produce' ? worker.lines.length : 0))
    return this.books.items + running.reduce((sum, lines) => sum + lines * BATCH, 0)
  }

  #start(role: Soaking['role']): void {
    const producer = this.#producers++
    const work: Soaking = { folder: this.#folder, options, role, producer, batch: BATCH }
    const worker = startWorker(this.#t, work, [], program)
    this.#crew.push({ worker, role })
  }

  /** The first of the crew never dies: it shows what time does. */
  async #killOne(): Promise<void> {
    const at = 1 + Math.floor(this.#random() * (this.#crew.length - 1))
    const [dead] = this.#crew.splice(at, 1)
    if (!dead) return
    await dead.worker.kill()
    this.kills++
    this.books.hear(dead.worker.lines)
    this.#start(dead.role)
  }

  #look(): void {
    this.mostBytes = Math.max(this.mostBytes, bytesIn(this.#folder))
    for (const { worker } of this.#crew) {
      const sample = worker.pid === undefined ? undefined : sampleOf(worker.pid)
      if (worker.pid === undefined || !sample) continue
      const before = this.samples.get(worker.pid) ?? []
      this.samples.set(worker.pid, [...before, sample])
    }
  }
}
