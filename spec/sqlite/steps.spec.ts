// What a statement costs is no matter of how much is there: the steps of SQLite's machine are counted, for all that puts, takes,
// settles, counts and lists, beside few items and beside a hundred times as many of each status. Plans (plans.spec.ts) don't
// show how many rows a range has. What an op runs is recorded, and run once more by SQLite's own shell, which counts; on a copy
// of the file as it was.
// A process of its own: it starts others.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { type Driver, loadDriver, type OpenDriver, type Value } from '../../lib/sqlite/driver.ts'
import { type Call, Engine } from '../../lib/sqlite/engine.ts'
import { sealed } from '../../lib/sqlite/seal.ts'
import type { HeldRange, Order, Settlement } from '../../lib/store.ts'
import { CHECK, counting, notTried } from '../layers.ts'
import { call, newFile, plainPut, valuesOf } from './rig.ts'

const LAYER = 'statements whose steps were counted'
const [FEW, MANY] = CHECK ? [1000, 100_000] : [100, 3000]
const BATCH = 5000
const NOW = 1_000_000
const LATER = NOW + 1e9
const asked = { queue: 1, now: NOW }
const taking = { ...asked, isStrict: false }
const held = { ...asked, owner: 7, keep: 0 }
const lease = { ...taking, ...held, n: 1, isAhead: true, pick: undefined, deadline: LATER, settlements: [] }
const hasShell = /VM-steps: \d/.test(
  spawnSync('sqlite3', [':memory:'], { input: '.stats vmstep\nSELECT 1;\n' }).stdout?.toString(),
)

interface Recorded {
  readonly sql: string
  readonly values: readonly Value[]
}

/** Tells what is run, with its values. */
function recording(record: (one: Recorded) => void): OpenDriver {
  const open = loadDriver()
  return (file): Driver => {
    const driver = open(file)
    return {
      ...driver,
      prepare(sql) {
        const statement = driver.prepare(sql)
        const told = (values: readonly Value[]): readonly Value[] => {
          record({ sql, values })
          return values
        }
        return {
          run: (...values) => statement.run(...told(values)),
          get: (...values) => statement.get(...told(values)),
          all: (...values) => statement.all(...told(values)),
        }
      },
    }
  }
}

function literal(value: Value): string {
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`
  return String(value)
}

function textOf({ sql, values }: Recorded): string {
  let at = 0
  return `${sql.replace(/\?/g, () => literal(values[at++] ?? null))};`
}

function put(count: number, from: number, args: object = {}, isKeyed = false): Call {
  const blobs = Array.from({ length: count }, (_, i) => Buffer.from(`item ${from + i}`))
  const keys = isKeyed ? blobs.map((blob) => `key ${blob}`) : undefined
  return call('queue.put', { ...plainPut, now: NOW, keys, ...args }, sealed(blobs))
}

function settle(owner: number, settlement: Settlement, keep = 0): Call {
  return call('queue.settle', { ...held, owner, keep, settlements: [settlement] })
}

/** So many items of each status, all of one priority; ids are in the order of the statuses. */
function fill(engine: Engine, n: number): void {
  for (const [step, status] of ['failed', 'acked', 'flying', 'delayed', 'ready'].entries()) {
    for (let from = 0; from < n; from += BATCH) {
      const count = Math.min(BATCH, n - from)
      const first = step * n + from + 1
      valuesOf(engine.run([put(count, first, status === 'delayed' ? { due: LATER } : {}, true)]))
      if (status === 'delayed' || status === 'ready') continue
      valuesOf(engine.run([call('queue.lease', { ...lease, owner: 5, n: count })]))
      const ids = [{ from: first, to: first + count - 1 }]
      if (status === 'failed') valuesOf(engine.run([settle(5, { outcome: 'fail', ids, reason: 'bad' })]))
      if (status === 'acked') valuesOf(engine.run([settle(5, { outcome: 'ack', ids }, n)]))
    }
  }
}

/** What is asked of a queue of 5 n items, one by one. */
function calls(n: number, order: Order): Call[] {
  // Those that the leases below take: from one end of what is ready.
  const at = (i: number) => (order === 'lifo' ? 5 * n - i : 4 * n + 1 + i)
  const one = (i: number): HeldRange[] => [{ from: at(i), to: at(i) }]
  const list = (status: 'ready' | 'delayed' | 'inFlight' | 'failed' | 'acked') => {
    return call('queue.list', { ...asked, status, after: 2 * n, limit: 3 })
  }
  return [
    call('queue.lease', { ...lease, n: 6 }),
    call('queue.lease', { ...lease, n: 20 }),
    call('queue.extend', { ...asked, owner: 7, ids: one(1), deadline: LATER + 1 }),
    settle(7, { outcome: 'again', ids: one(1) }),
    settle(7, { outcome: 'ack', ids: one(0) }),
    settle(7, { outcome: 'back', ids: one(1), counted: true }),
    settle(7, { outcome: 'back', ids: one(2), counted: true, due: LATER }),
    settle(7, { outcome: 'fail', ids: one(3), reason: 'bad' }),
    settle(7, { outcome: 'toBack', ids: one(4) }),
    call('queue.lease', { ...lease, pick: { id: at(60) } }),
    call('queue.lease', { ...lease, pick: { after: at(70) } }),
    put(1, 9e6, { bound: { items: 1e9, bytes: 1e12, isDropping: false } }),
    put(1, 9e6 + 1, { bound: { items: 5 * n - 20, bytes: 1e12, isDropping: true } }, true),
    put(30, 9e6 + 10),
    put(30, 9e6 + 50, { due: LATER }),
    call('queue.peek', { ...taking, n: 1 }),
    call('queue.peek', { ...taking, n: 9 }),
    call('queue.pop', { ...taking, n: 1 }),
    call('queue.pop', { ...taking, n: 9 }),
    call('queue.delete', { ...asked, n: 3 }),
    call('queue.update', { ...asked, id: 4 * n, key: 'another' }, sealed([Buffer.from('b')])),
    call('queue.counts', asked),
    call('queue.stats', asked),
    ...(['ready', 'delayed', 'inFlight', 'failed', 'acked'] as const).map(list),
    call('queue.retry', { queue: 1, ids: [1, 2] }),
    call('queue.discard', { queue: 1, ids: [3] }),
    call('owner.leave', { queue: 1, owners: [7] }),
  ]
}

/** The steps of each call, and how many statements they were. */
function counted(order: Order, n: number): { steps: number[]; ops: string[]; statements: number } {
  const file = newFile()
  const first = new Engine(file, () => loadDriver())
  valuesOf(first.run([call('queue.open', { name: 'q', codec: 'raw', order })]))
  fill(first, n)
  first.close()
  const copy = newFile()
  copyFileSync(file, copy)
  const lines: string[] = ['.stats vmstep']
  const engine = new Engine(file, () => recording((one) => lines.push(textOf(one))))
  valuesOf(engine.run([call('page.driver', null)]))
  const all = calls(n, order)
  for (const one of all) {
    lines.push('.print CALL')
    valuesOf(engine.run([one]))
  }
  engine.close()
  const isWanted = (line: string) => !/^(PRAGMA|SELECT \w+ FROM pragma)/.test(line)
  const shell = spawnSync('sqlite3', [copy], {
    input: lines.filter(isWanted).join('\n'),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  assert.equal(shell.stderr, '')
  const parts = shell.stdout.split('CALL\n').slice(1)
  const stepsIn = (part: string) => [...part.matchAll(/^VM-steps: (\d+)$/gm)].map(([, steps]) => Number(steps))
  const steps = parts.map((part) => stepsIn(part).reduce((sum, each) => sum + each, 0))
  const statements = parts.reduce((sum, part) => sum + stepsIn(part).length, 0)
  return { steps, statements, ops: all.map(({ op }, i) => `${op}, call ${i}`) }
}

describe('the queue in SQLite takes as many steps beside many items as beside few', () => {
  for (const order of ['fifo', 'lifo', 'priority'] as const) {
    it(`in a queue whose order is ${order}`, (t) => {
      if (!hasShell) return notTried(t, LAYER, "there is no sqlite3, SQLite's own shell, that counts steps")
      const count = counting(t, LAYER)
      const few = counted(order, FEW)
      const many = counted(order, MANY)
      assert.equal(many.steps.length, many.ops.length)
      few.ops.forEach((op, i) => {
        const [least = 0, most = 0] = [few.steps[i], many.steps[i]]
        assert.ok(least > 5, op)
        // What a handle held is looked for in blocks of 4,096 ids (holds.ts).
        const bound = op.startsWith('owner.leave') ? 1.5 * least + 10 * 4096 : 1.5 * least
        assert.ok(most <= bound, `${op}: ${least} steps beside ${FEW} of each status, ${most} beside ${MANY}`)
      })
      count(many.statements, 100)
    })
  }
})
