// No put, take, count or settling looks at more rows than it is about: every statement that it runs is planned without a
// scan, but for those that read the first rows in the order in which they lie, up to a limit.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Call, Engine } from '../../lib/sqlite/engine.ts'
import { sealed } from '../../lib/sqlite/seal.ts'
import type { HeldRange, Order, Settlement } from '../../lib/store.ts'
import { call, fates, foreign, hearing, newFile, plainPut } from './rig.ts'

const asked = { queue: 1, now: 1000, isStrict: false }
const held = { ...asked, owner: 7, keep: 2 }
const lease = { ...held, n: 2, isAhead: true, pick: undefined, deadline: 2000, settlements: [] }

function settle(outcome: Settlement['outcome'], ...ids: HeldRange[]): Call {
  const all: Record<Settlement['outcome'], Settlement> = {
    ack: { outcome: 'ack', ids },
    back: { outcome: 'back', ids, counted: false },
    toBack: { outcome: 'toBack', ids },
    again: { outcome: 'again', ids },
    fail: { outcome: 'fail', ids, reason: 'bad' },
  }
  return call('queue.settle', { ...held, settlements: [all[outcome]] })
}

/** All that a loop, a bound, a delay, a lease that ends and a dead consumer ask for. */
function calls(): Call[] {
  const blobs = Array.from({ length: 30 }, (_, i) => Buffer.from(`item ${i}`))
  const all = sealed(blobs)
  const one = sealed(blobs.slice(0, 1))
  const keys = blobs.map((_, i) => `key ${i}`)
  const full = { items: 30, bytes: 10_000, isDropping: true }
  return [
    call('queue.put', { ...plainPut, keys }, all),
    call('queue.put', { ...plainPut, bound: full }, one),
    call('queue.put', plainPut, all),
    call('queue.put', { ...plainPut, due: 1500 }, all),
    call('queue.lease', lease),
    call('queue.lease', { ...lease, n: 20 }),
    call('queue.lease', { ...lease, deadline: null, pick: { id: 30 } }),
    call('queue.lease', { ...lease, deadline: null, pick: { after: 30 } }),
    call('queue.peek', { ...asked, n: 5 }),
    call('queue.pop', { ...asked, n: 5 }),
    call('queue.pop', { ...asked, n: 1 }),
    call('queue.delete', { ...asked, n: 2 }),
    call('queue.update', { ...asked, id: 30, key: 'other' }, one),
    call('queue.counts', asked),
    call('queue.stats', asked),
    call('queue.list', { ...asked, status: 'ready', after: 0, limit: 2 }),
    call('queue.extend', { ...held, ids: [{ from: 30, to: 30 }], deadline: 3000 }),
    settle('again', { from: 30, to: 30 }),
    settle('back', { from: 30, to: 30 }),
    call('queue.lease', { ...lease, deadline: null, pick: { id: 30 } }),
    settle('toBack', { from: 30, to: 30 }),
  ]
}

describe('the queue asks for no more than it needs', () => {
  for (const order of ['fifo', 'lifo', 'priority'] as Order[]) {
    it(`in a queue whose order is ${order}`, () => {
      const heard = new Set<string>()
      const file = newFile()
      const engine = new Engine(file, () => hearing((sql) => heard.add(sql)))
      engine.run([call('queue.open', { name: 'q', codec: 'raw', order })])
      heard.clear()
      for (const one of calls()) assert.deepEqual(fates(engine.run([one])), ['done'], one.op)
      // Its lease ends, what was delayed is due, its owner dies.
      engine.run([call('queue.counts', { queue: 1, now: 2500 })])
      engine.run([call('owner.leave', { queue: 1, owners: [7] })])
      engine.close()
      const driver = foreign(file)
      const looked = [...heard].filter((sql) => /^\s*(SELECT|INSERT|UPDATE|DELETE)/.test(sql))
      assert.ok(looked.length > 30, `${looked.length} statements`)
      for (const sql of looked) {
        const values = [...sql.matchAll(/\?/g)].map(() => (sql.includes('json_each') ? '[]' : 1))
        const plan = driver.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values)
        for (const [, , , step] of plan) assertLean(String(step), sql)
      }
      driver.close()
    })
  }
})

function assertLean(step: string, sql: string): void {
  assert.doesNotMatch(step, /TEMP B-TREE FOR ORDER BY/, sql)
  // A range of the first of an index's two columns: all that is equal there would be looked at.
  assert.doesNotMatch(step, /_front \(priority[<>]/, `${step}: ${sql}`)
  if (!/^SCAN (?!CONSTANT|\(|json_each)/.test(step)) return
  assert.match(sql, /ORDER BY (id|id DESC|priority, id) LIMIT/, `${step}: ${sql}`)
}
