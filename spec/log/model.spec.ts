// model.spec.ts: two handles of a log do what two handles of memory do, command by command, whatever the commands are:
// with crashes, reopening, loops that are left or aborted, leases that end and
// what is due. After each one the states are the same, and add up:
//
//      ready + delayed + in flight + failed + settled = put
//
// What fails prints its commands and its seed: fc.assert's `seed` and `path` run it alone.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import type { Codec } from '../../lib/codec/index.ts'
import { Core } from '../../lib/consume/core.ts'
import { Items } from '../../lib/consume/items.ts'
import { Session } from '../../lib/consume/session.ts'
import { codeOf } from '../../lib/disk/disk.ts'
import { defaultLimits } from '../../lib/log/limits.ts'
import { LogStore } from '../../lib/log/log-store.ts'
import { MemoryStore } from '../../lib/memory/memory-store.ts'
import type { Document, Settlement, Status, Store, StoreOptions } from '../../lib/store.ts'
import { randomOf } from '../crash/digest.ts'
import type { DiskProcess } from '../crash/disk-process.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'
import { Killed } from '../crash/system-error.ts'
import { counting } from '../layers.ts'
import { long } from '../process/parts.ts'
import { words } from '../store/words.ts'
import { ManualClock } from '../wait/manual-clock.ts'

const RUNS = long(600, 8)
const COMMANDS = 100
const KEEP = 3
const STATUSES: readonly Status[] = ['ready', 'delayed', 'inFlight', 'failed', 'acked']

const KINDS = [
  'put',
  'putDelayed',
  'putBounded',
  'putDropping',
  'pop',
  'delete',
  'clear',
  'lease',
  'leaseBriefly',
  'ack',
  'back',
  'backLater',
  'toBack',
  'fail',
  'extend',
  'retry',
  'discard',
  'flush',
  'pass',
  'reopen',
  'crash',
  'loop',
  'abort',
] as const

interface Command {
  readonly kind: (typeof KINDS)[number]
  readonly handle: 0 | 1
  readonly n: number
  readonly m: number
}

const command: fc.Arbitrary<Command> = fc.record({
  kind: fc.constantFrom(...KINDS, 'put', 'put', 'lease', 'ack', 'ack'),
  handle: fc.constantFrom(0, 1),
  n: fc.integer({ min: 1, max: 9 }),
  m: fc.nat({ max: 1000 }),
})

/** Both handles of one store. */
interface Side {
  readonly stores: [Store, Store]
  reopen(handle: 0 | 1, crash: boolean): Promise<void>
}

function optionsOf(): StoreOptions {
  const ignore = () => undefined
  // A killed process's handle may still tell its failure: it has nobody to tell it to.
  const failed = (error: Error) => assert.ok(error instanceof Killed, error)
  const events = { recovered: ignore, flushed: ignore, corruption: () => assert.fail('damage'), failed }
  const limits = { flushLimit: 500, segmentSize: 700, keepAcked: KEEP }
  return { durability: 'os', codec: 'json', order: 'fifo', onDamage: 'fail', autoResume: true, events, ...limits }
}

let shelves = 0

async function memory(clock: ManualClock): Promise<Side> {
  const name = `model-${++shelves}`
  const open = () => MemoryStore.open(name, optionsOf(), clock)
  const stores: [Store, Store] = [await open(), await open()]
  const reopen = async (handle: 0 | 1) => {
    await stores[handle].close()
    stores[handle] = await open()
  }
  return { stores, reopen }
}

async function log(clock: ManualClock): Promise<Side> {
  const disk = new RecordingDisk()
  const random = randomOf(5)
  const processes: [DiskProcess, DiskProcess] = [disk.process(), disk.process()]
  const limits = { ...defaultLimits, cursorBytes: 4096 }
  const open = (handle: 0 | 1) =>
    LogStore.open('/q', optionsOf(), { disk: processes[handle], clock, random: () => random(2 ** 32), limits })
  const stores: [Store, Store] = [await open(0), await open(1)]
  const reopen = async (handle: 0 | 1, crash: boolean) => {
    if (crash) processes[handle].kill()
    else await stores[handle].close()
    processes[handle] = disk.process()
    stores[handle] = await open(handle)
  }
  return { stores, reopen }
}

/** All that a store tells of its items. */
async function stateOf(store: Store): Promise<object> {
  const state: Record<string, unknown> = { counts: await store.counts() }
  for (const status of STATUSES) {
    const listed = await store.list({ status, after: 0, limit: 10_000 })
    state[status] = listed.flatMap(({ piece, reason }) => {
      const texts = Buffer.from(piece.document.bytes).toString().split(',')
      return Array.from({ length: piece.count }, (_, i) => {
        const attempt = status === 'acked' ? 0 : piece.attempt
        return [piece.firstId + i, texts[piece.skip + i], attempt, reason]
      })
    })
  }
  return state
}

/** What a loop got, and how it ended. */
async function looped(store: Store, clock: ManualClock, n: number, isAborted: boolean): Promise<unknown[]> {
  const stop = new AbortController()
  const core = coreOf(store, clock)
  const session = new Session(core, { wait: false, ahead: 1, signal: stop.signal })
  const got: unknown[] = []
  try {
    const items = new Items<unknown>(() => Promise.resolve(session))
    for (let next = await items.next(); !next.done; next = await items.next()) {
      const item = next.value
      got.push(item)
      if (got.length < n) continue
      if (!isAborted) {
        await items.return()
        break
      }
      stop.abort(new Error('aborted'))
    }
    got.push('left')
  } catch (error) {
    got.push(String(error))
  }
  return got
}

const texts: Codec<unknown> = {
  name: 'texts',
  encode: (item) => Buffer.from(String(item)),
  decode: (bytes) => Buffer.from(bytes).toString(),
  encodeBatch: (items) => Buffer.from(items.join()),
  decodeBatch: (bytes) => Buffer.from(bytes).toString().split(','),
}

function coreOf(store: Store, clock: ManualClock): Core<unknown> {
  const bounds = { maxSize: Infinity, maxBytes: Infinity, whenFull: 'wait' } as const
  const limits = { maxAttempts: Infinity, leaseTimeout: Infinity, unique: false } as const
  return new Core({ store, codec: texts, clock, location: 'here', ...bounds, ...limits }, new WeakRef(store))
}

class Run {
  readonly #clock: ManualClock
  readonly #sides: readonly [Side, Side]
  readonly #held: { readonly handle: 0 | 1; readonly id: number; readonly attempt: number }[] = []
  #put = 0
  #next = 0

  private constructor(clock: ManualClock, sides: readonly [Side, Side]) {
    this.#clock = clock
    this.#sides = sides
  }

  static async begin(): Promise<Run> {
    const clock = new ManualClock()
    return new Run(clock, [await memory(clock), await log(clock)])
  }

  /** On both sides, with the same outcome. */
  async #both<R>(handle: 0 | 1, call: (store: Store) => Promise<R>): Promise<R | undefined> {
    const [expected, found] = await Promise.all(
      this.#sides.map(({ stores }) =>
        call(stores[handle]).then(
          (value) => ({ value, code: undefined }),
          (error: unknown) => ({ value: undefined, code: codeOf(error) || String(error) }),
        ),
      ),
    )
    assert.equal(found?.code, expected?.code)
    return found?.value
  }

  #documents(n: number): Document[] {
    const texts = Array.from({ length: n }, () => `w${++this.#next}`)
    return n > 4 ? [words(...texts.slice(0, 2)), words(...texts.slice(2))] : [words(...texts)]
  }

  async #append(handle: 0 | 1, n: number, options: Parameters<Store['append']>[1]): Promise<void> {
    const documents = this.#documents(n)
    const firstId = await this.#both(handle, (store) => store.append(documents, options))
    if (firstId !== undefined) this.#put += n
  }

  async #lease(handle: 0 | 1, n: number, deadline?: number): Promise<void> {
    const pieces = await this.#both(handle, (store) => store.lease(n, [], { deadline }))
    for (const { firstId, count, attempt } of pieces ?? []) {
      for (let i = 0; i < count; i++) this.#held.push({ handle, id: firstId + i, attempt })
    }
  }

  /** Of what was handed out, late or not. */
  async #settle(m: number, make: (ids: Settlement['ids']) => Settlement): Promise<void> {
    const held = this.#held.splice(m % Math.max(1, this.#held.length), 1)[0]
    if (held === undefined) return
    const { handle, id, attempt } = held
    const before = await this.#sides[1].stores[handle].counts()
    const settlement = make([{ from: id, to: id, attempt }])
    await this.#both(handle, (store) => store.settle([settlement]).then(() => true))
    // What goes to the back is put once more.
    const after = await this.#sides[1].stores[handle].counts()
    if (settlement.outcome === 'toBack' && after.inFlight < before.inFlight) this.#put += 1
  }

  async do({ kind, handle, n, m }: Command): Promise<void> {
    const now = this.#clock.now()
    if (kind === 'put') await this.#append(handle, n, {})
    if (kind === 'putDelayed') await this.#append(handle, n, { due: now + m })
    if (kind === 'putBounded') await this.#append(handle, n, { bound: { items: m % 30, bytes: 20 + (m % 90) } })
    if (kind === 'putDropping') await this.#append(handle, n, { bound: { items: m % 30, whenFull: 'drop-oldest' } })
    if (kind === 'pop') await this.#both(handle, (store) => store.pop(n))
    if (kind === 'delete') await this.#both(handle, (store) => store.delete(n))
    if (kind === 'clear' && m < 200) await this.#both(handle, (store) => store.clear())
    if (kind === 'lease') await this.#lease(handle, n)
    if (kind === 'leaseBriefly') await this.#lease(handle, n, now + 1 + m)
    if (kind === 'ack') await this.#settle(m, (ids) => ({ outcome: 'ack', ids }))
    if (kind === 'back') await this.#settle(m, (ids) => ({ outcome: 'back', ids, counted: n > 3 }))
    if (kind === 'backLater') await this.#settle(m, (ids) => ({ outcome: 'back', ids, counted: true, due: now + m }))
    if (kind === 'toBack') await this.#settle(m, (ids) => ({ outcome: 'toBack', ids }))
    if (kind === 'fail') await this.#settle(m, (ids) => ({ outcome: 'fail', ids, reason: `reason ${n}` }))
    if (kind === 'extend') await this.#extend(m)
    if (kind === 'retry') this.#put += (await this.#both(handle, (store) => store.retry())) ?? 0
    if (kind === 'discard') await this.#both(handle, (store) => store.discard())
    if (kind === 'flush') await this.#both(handle, (store) => store.flush().then(() => true))
    if (kind === 'loop' || kind === 'abort') await this.#loop(handle, n, kind === 'abort')
    if (kind === 'pass') this.#clock.pass(m)
    if (kind === 'reopen' || kind === 'crash')
      for (const side of this.#sides) await side.reopen(handle, kind === 'crash')
    await this.#compare(handle)
  }

  /** A loop over `n` items that is left, which gives the last one back, or aborted, which acknowledges it. */
  async #loop(handle: 0 | 1, n: number, isAborted: boolean): Promise<void> {
    const [expected, found] = await Promise.all(
      this.#sides.map(({ stores }) => looped(stores[handle], this.#clock, n, isAborted)),
    )
    assert.deepEqual(found, expected)
  }

  async #extend(m: number): Promise<void> {
    const held = this.#held[m % Math.max(1, this.#held.length)]
    if (held === undefined) return
    const ids = [{ from: held.id, to: held.id, attempt: held.attempt }]
    await this.#both(held.handle, (store) => store.extend(ids, this.#clock.now() + 1 + m).then(() => true))
  }

  async #compare(handle: 0 | 1): Promise<void> {
    const [model, found] = this.#sides
    assert.deepEqual(await stateOf(found.stores[handle]), await stateOf(model.stores[handle]))
    const { ready, delayed, inFlight, failed } = await found.stores[handle].counts()
    const { nextId } = await found.stores[handle].stats()
    assert.equal(nextId, this.#put + 1, 'each item that was put has an id, and nothing else has')
    assert.ok(ready + delayed + inFlight + failed <= this.#put)
  }

  async end(): Promise<void> {
    for (const { stores } of this.#sides) for (const store of stores) await store.close()
  }
}

it(`the log does what memory does, in ${RUNS} runs of up to ${COMMANDS} commands`, async (t) => {
  const counted = counting(t, 'runs of commands against the model')
  let runs = 0
  let commands = 0
  const doAll = async (all: readonly Command[]): Promise<void> => {
    const run = await Run.begin()
    for (const each of all) await run.do(each)
    await run.end()
    runs += 1
    commands += all.length
  }
  const property = fc.asyncProperty(fc.array(command, { minLength: 30, maxLength: COMMANDS }), doAll)
  await fc.assert(property, { numRuns: RUNS })
  t.diagnostic(`${runs} runs, ${commands} commands`)
  counted(runs, RUNS)
  assert.ok(runs >= RUNS && commands >= RUNS * 30)
})
