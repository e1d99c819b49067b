// A crowd of processes that do all there is to do with one queue, of which some are killed, and the server once: in every
// order, unique or not. The parent hears what they did, and compares it with what is left, and that with the sums.

import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createConnection } from 'mysql2/promise'
import { AsyncQueue } from '../../lib/index.ts'
import { newSeed, randomFrom } from '../process/random.ts'
import { until } from '../queue/place.ts'
import type { Stamped } from './crowd-worker.ts'
import { Server, withServer } from './server.ts'

const CROWD = 4
const DEEDS = 1000
const KILLS = 4

await withServer(() => {
  describe('the queue in a MySQL database, with a crowd of processes,', { timeout: 900_000 }, () => {
    let server: Server
    before(async () => {
      server = await Server.start()
    })
    after(() => server.stop())
    for (const order of ['fifo', 'lifo', 'priority'] as const) {
      for (const isUnique of [false, true]) {
        it(`loses nothing and gives nothing twice: '${order}'${isUnique ? ', unique' : ''}`, async (t) => {
          const seed = newSeed()
          t.diagnostic(`seed ${seed}`)
          const crowd = new Crowd(server, { order, isUnique }, seed)
          await crowd.work()
          await crowd.judge()
        })
      }
    }
  })
})

interface Kind {
  readonly order: 'fifo' | 'lifo' | 'priority'
  readonly isUnique: boolean
}

class Crowd {
  readonly #server: Server
  readonly #kind: Kind
  readonly #url: string
  readonly #next: () => number
  readonly #workers: ChildProcess[] = []
  readonly #said = { try: new Set<string>(), put: new Set<string>(), maybe: new Set<string>(), gone: [] as string[] }
  readonly #wrong: string[] = []
  #deeds = 0
  #started = 0

  constructor(server: Server, kind: Kind, seed: number) {
    this.#server = server
    this.#kind = kind
    this.#url = server.url(`crowd ${JSON.stringify(kind)}`)
    this.#next = randomFrom(seed)
  }

  async work(): Promise<void> {
    for (let i = 0; i < CROWD; i += 1) await this.#start()
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await until(() => this.#deeds > (DEEDS * kill) / (KILLS + 1))
      if (kill === KILLS / 2) {
        await this.#server.kill()
        await this.#server.start()
      } else {
        const [victim] = this.#workers.splice(Math.floor(this.#next() * this.#workers.length), 1)
        victim?.kill('SIGKILL')
        await this.#start()
      }
    }
    await until(() => this.#deeds > DEEDS)
    for (const worker of this.#workers) worker.send('end')
    await Promise.all(this.#workers.map((worker) => worker.exitCode ?? once(worker, 'exit')))
  }

  async #start(): Promise<void> {
    this.#started += 1
    const words = [this.#url, JSON.stringify(this.#kind), `w${this.#started}`, `${Math.floor(this.#next() * 1e9)}`]
    const worker = fork(fileURLToPath(new URL('./crowd-worker.js', import.meta.url)), words)
    worker.on('message', (said) => this.#hear(said as string[]))
    this.#workers.push(worker)
    await once(worker, 'message')
  }

  #hear([word = '', ...stamps]: readonly string[]): void {
    this.#deeds += 1
    if (word === 'wrong') this.#wrong.push(...stamps)
    if (word === 'gone') this.#said.gone.push(...stamps)
    if (word === 'try' || word === 'put' || word === 'maybe') for (const stamp of stamps) this.#said[word].add(stamp)
  }

  async judge(): Promise<void> {
    await using queue = await AsyncQueue.open<Stamped>(this.#url)
    // What is due while it is being counted would be counted twice, or not at all.
    await until(async () => {
      const { inFlight, delayed } = await queue.counts()
      return inFlight === 0 && delayed === 0
    })
    const waiting = (await queue.list({ limit: Infinity })).map(
      ({ item }) => item ?? assert.fail('an item does not decode'),
    )
    const failed = (await queue.list({ status: 'failed', limit: Infinity })).map(({ item }) => item?.stamp ?? '')
    const rest = [...waiting.map(({ stamp }) => stamp), ...failed]
    const { gone, maybe, put } = this.#said
    assert.deepEqual(this.#wrong, [])
    assert.ok(put.size > DEEDS / 20 && gone.length > DEEDS / 20, `${put.size} were put and ${gone.length} acknowledged`)
    const [left, over] = [new Set(rest), new Set(gone)]
    assert.equal(left.size, rest.length, 'an item is there twice')
    assert.equal(over.size, gone.length, 'an item was acknowledged twice')
    const lost = [...put].filter((stamp) => !left.has(stamp) && !over.has(stamp) && !maybe.has(stamp))
    assert.deepEqual(lost, [], 'lost')
    const undead = gone.filter((stamp) => left.has(stamp))
    assert.deepEqual(undead, [], 'acknowledged, and still there')
    const phantoms = [...rest, ...gone].filter((stamp) => !this.#said.try.has(stamp))
    assert.deepEqual(phantoms, [], 'never put')
    const keys = waiting.map(({ key }) => key)
    if (this.#kind.isUnique) assert.equal(new Set(keys).size, keys.length, 'two equals wait')
    await this.#checkSums(queue)
  }

  /** What is counted is what is there. */
  async #checkSums(queue: AsyncQueue<Stamped>): Promise<void> {
    const { ready, delayed, inFlight, failed, bytes } = await queue.stats()
    const eye = await createConnection({ ...this.#server.connecting, rowsAsArray: true })
    const name = new URL(this.#url).searchParams.get('queue')
    const [rows] = await eye.query(
      `SELECT COALESCE(SUM(i.status = 0), 0), COALESCE(SUM(i.status = 1), 0), COALESCE(SUM(i.status IN (2, 5)), 0),
        COALESCE(SUM(i.status = 3), 0), COALESCE(SUM(IF(i.status IN (0, 1, 2, 5), LENGTH(i.payload), 0)), 0),
        (SELECT COUNT(*) FROM spoolq_keys k WHERE k.queue = q.id)
        FROM spoolq_queues q JOIN spoolq_items i ON i.queue = q.id WHERE q.name = ?`,
      [name],
    )
    await eye.end()
    const [counted = []] = rows as unknown[][]
    const keys = this.#kind.isUnique ? ready + delayed + inFlight : 0
    assert.deepEqual(counted.map(Number), [ready, delayed, inFlight, failed, bytes, keys])
  }
}
