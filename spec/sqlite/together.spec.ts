// Many items that are taken at once come as one row, and what they have in common is not written out: whatever their ids,
// attempts and times, they are the ones that stand there.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadDriver } from '../../lib/sqlite/driver.ts'
import { Engine, type Outcome } from '../../lib/sqlite/engine.ts'
import type { Taken } from '../../lib/sqlite/front.ts'
import { listOf, numbersOf, unpack } from '../../lib/sqlite/messages.ts'
import { sealed } from '../../lib/sqlite/seal.ts'
import type { Order } from '../../lib/store.ts'
import { call, foreign, newFile, plainPut, valuesOf } from './rig.ts'

const ITEMS = 40
const asked = { queue: 1, now: 9000, isStrict: false }
const lease = { ...asked, owner: 7, keep: 0, isAhead: false, pick: undefined, deadline: null, settlements: [] }

/** A queue of items put at those times, each with its place as its priority or all with one. */
function filled(order: Order, timeOf: (i: number) => number, priorityOf: (i: number) => number): [Engine, string] {
  const file = newFile()
  const engine = new Engine(file, () => loadDriver())
  valuesOf(engine.run([call('queue.open', { name: 'q', codec: 'raw', order })]))
  for (let i = 1; i <= ITEMS; i += 1) {
    const args = { ...plainPut, wall: timeOf(i), priority: priorityOf(i) }
    valuesOf(engine.run([call('queue.put', args, sealed([Buffer.from(`item ${i}`)]))]))
  }
  return [engine, file]
}

/** Each as its id, attempt, time and bytes. */
function told(outcome: Outcome | undefined): unknown[][] {
  assert.ok(outcome !== undefined && 'value' in outcome && outcome.packed !== undefined)
  const { ids, attempts, enqueued } = outcome.value as Taken
  const lists = [ids, attempts, enqueued].map(listOf)
  return unpack(outcome.packed).map((bytes, i) => {
    return [...lists.map((list) => list[i]), Buffer.from(bytes).subarray(0, -4).toString()]
  })
}

const byOrder = {
  fifo: ([one]: unknown[], [other]: unknown[]) => Number(one) - Number(other),
  lifo: ([one]: unknown[], [other]: unknown[]) => Number(other) - Number(one),
}

describe('the queue, taking many at once,', () => {
  for (const order of ['fifo', 'lifo', 'priority'] as const) {
    for (const priorities of order === 'priority' ? ['falling', 'the same'] : ['none']) {
      it(`hands out what stands there, its order being ${order}, priorities ${priorities}`, () => {
        const isFalling = priorities === 'falling'
        const sort = isFalling || order === 'lifo' ? byOrder.lifo : byOrder.fifo
        for (const timeOf of [() => 1000, (i: number) => 1000 + (i % 3)]) {
          const [engine] = filled(order, timeOf, (i) => (isFalling ? ITEMS - i : 0))
          const stands = Array.from({ length: ITEMS }, (_, i) => [i + 1, 0, timeOf(i + 1), `item ${i + 1}`]).sort(sort)
          assert.deepEqual(told(engine.run([call('queue.peek', { ...asked, n: 30 })])[0]), stands.slice(0, 30))
          // Some go, some come back with an attempt more: gaps, and attempts that differ.
          valuesOf(engine.run([call('queue.lease', { ...lease, n: 10 })]))
          const ids = stands.slice(0, 10).map(([id]) => Number(id))
          const back = ids.filter((_, i) => i % 4 === 1).map((id) => ({ from: id, to: id }))
          const settlements = [{ outcome: 'back' as const, ids: back, counted: true }]
          valuesOf(engine.run([call('queue.settle', { ...asked, owner: 7, keep: 0, settlements })]))
          const left = stands.flatMap(([id, , time, text], i) => {
            return i >= 10 ? [[id, 0, time, text]] : i % 4 === 1 ? [[id, 1, time, text]] : []
          })
          assert.deepEqual(told(engine.run([call('queue.peek', { ...asked, n: 20 })])[0]), left.slice(0, 20))
          assert.deepEqual(told(engine.run([call('queue.pop', { ...asked, n: 9 })])[0]), left.slice(0, 9))
          assert.deepEqual(told(engine.run([call('queue.lease', { ...lease, n: 99 })])[0]), left.slice(9))
          engine.close()
        }
      })
    }
  }

  it('hands out what is left where another program has removed some', () => {
    const [engine, file] = filled(
      'fifo',
      () => 1000,
      () => 0,
    )
    const driver = foreign(file)
    driver.exec('DELETE FROM spoolq_1_ready WHERE id > 10')
    driver.close()
    assert.equal(told(engine.run([call('queue.pop', { ...asked, n: 30 })])[0]).length, 10)
    engine.close()
  })

  it('sends lists of numbers as they are, however they follow each other', () => {
    const long = (numberOf: (i: number) => number): number[] => Array.from({ length: 50 }, (_, i) => numberOf(i))
    const lists = [
      [],
      [5],
      long(() => 0),
      long((i) => i + 2 ** 52),
      long((i) => 100 - i),
      long((i) => i * i),
      long((i) => i * 0.1),
    ]
    for (const list of lists) assert.deepEqual(listOf(structuredClone(numbersOf(list))), list)
    assert.ok('step' in numbersOf(long((i) => 7 + i)))
  })
})
