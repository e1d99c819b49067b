// runs.spec.ts: runs of ids say the same as an array with one state for each id.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type IdState, SETTLED } from '../../lib/log/id-state.ts'
import { Runs } from '../../lib/log/runs.ts'
import { runs as times } from '../codec/items.ts'
import { randomOf } from '../crash/digest.ts'
import { commands, Pair } from './runs-model.ts'

describe('runs of ids', () => {
  it('say what one state for each id would say', () => {
    fc.assert(
      fc.property(
        fc.commands(commands, { maxCommands: 40, size: 'max' }),
        fc.integer({ min: 1, max: 8 }),
        (all, head) => {
          const pair = new Pair(head)
          fc.modelRun(() => ({ model: pair, real: pair }), all)
        },
      ),
      times(200),
    )
  })

  it('know at each time what is due and which leases are over, in each chunk, also where time goes back', () => {
    const count = 40
    // Four to a chunk: delayed ones of three times, and leases of as many, among others.
    const runs = new Runs(1, 4)
    const dueOf = (id: number): number => 10 * (1 + (id % 3))
    for (let id = 1; id <= count; id++) {
      const inFlight = { state: 'inFlight', owner: id, attempt: 1, deadline: dueOf(id), mode: 0 } as const
      const back = { state: 'back', attempt: 1, due: dueOf(id) } as const
      runs.set(id, id, id % 2 === 0 ? inFlight : back)
    }
    const ids = Array.from({ length: count }, (_, index) => index + 1)
    const all = (ranges: Iterable<{ from: number; to: number }>): number[] => {
      return [...ranges].flatMap(({ from, to }) => ids.slice(from - 1, to))
    }
    for (const now of [0, 9, 10, 19, 20, 29, 30, 31, 15, 0, 30, 5]) {
      const due = ids.filter((id) => id % 2 === 1 && dueOf(id) <= now)
      assert.deepEqual(all(runs.ready(count + 1, count, now)), due, `ready at ${now}`)
      const delayed = count / 2 - due.length
      assert.deepEqual(runs.count(count + 1, now), { ready: due.length, delayed }, `counted at ${now}`)
      const over = ids.filter((id) => id % 2 === 0 && dueOf(id) <= now)
      assert.deepEqual(all(runs.expired(now)), over, `over at ${now}`)
    }
  })

  it('find ready ids again after they were asked for none', () => {
    const runs = new Runs()
    assert.deepEqual(runs.ready(10, 0, 0), [])
    assert.deepEqual(runs.ready(10, 100, 0), [{ from: 1, to: 9 }])
  })

  it('settle 10,000 ids in any order, and keep as few runs as there are holes', () => {
    const seed = Math.floor(Math.random() * 2 ** 32)
    const random = randomOf(seed)
    const count = 10_000
    const order = Array.from({ length: count }, (_, index) => index + 1)
    for (let left = count; left > 1; left--) {
      const other = random(left)
      ;[order[left - 1], order[other]] = [order[other] ?? 0, order[left - 1] ?? 0]
    }
    const runs = new Runs()
    const settled = new Set<number>()
    for (const [step, id] of order.entries()) {
      const [taken] = runs.ready(count + 1, 1, 0)
      if (taken && step % 3 === 0)
        runs.set(taken.from, taken.from, { state: 'inFlight', owner: 1, attempt: 1, deadline: 0, mode: 0 })
      runs.set(id, id, SETTLED)
      settled.add(id)
      if (step % 500 !== 0) continue
      assert.equal(runs.settled, settled.size, `seed ${seed}`)
      const { ready } = runs.count(count + 1, 0)
      assert.equal(ready + runs.inFlight, count - settled.size, `seed ${seed}`)
      assert.equal(runs.live(1, count), count - settled.size, `seed ${seed}`)
    }
    assert.equal(runs.head, count + 1)
    assert.deepEqual([...runs], [])
  })

  it('of a long queue in order cost nothing', () => {
    const runs = new Runs()
    for (let id = 1; id <= 20_000; id++) {
      runs.set(id, id, { state: 'inFlight', owner: 1, attempt: 1, deadline: 0, mode: 0 })
      runs.set(id, id, SETTLED)
    }
    assert.equal(runs.head, 20_001)
    assert.deepEqual([...runs], [])
  })

  it('of 100,000 ids in states of their own are looked at a few at a time', () => {
    const count = 100_000
    let looks = 0
    const delayed = (due: number): IdState => ({
      get state() {
        looks += 1
        return 'back' as const
      },
      attempt: 1,
      due,
    })
    const runs = new Runs()
    const states = Array.from({ length: count }, (_, i) => delayed(1000 + ((i * 7919) % count)))
    for (const [i, state] of states.entries()) runs.set(i + 1, i + 1, state)
    looks = 0
    const steps = 300
    for (let step = 0; step < steps; step++) {
      const end = count + 2 + step
      assert.deepEqual(runs.ready(end, 1, 0), [{ from: end - 1, to: end - 1 }])
      runs.set(end - 1, end - 1, SETTLED)
      assert.deepEqual(runs.count(end, 0), { ready: 0, delayed: count - step })
      // One that somebody settles by its id, in no order.
      runs.set(1 + ((step * 331) % count), 1 + ((step * 331) % count), SETTLED)
      assert.equal(runs.live(1, count), count - 1 - step)
      assert.deepEqual(runs.expired(1), [])
    }
    assert.ok(looks / steps < 5000, `${Math.round(looks / steps)} states were looked at for each step`)
  })
})
