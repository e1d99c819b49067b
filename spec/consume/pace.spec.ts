import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Pace } from '../../lib/consume/pace.ts'
import { ManualClock } from '../wait/manual-clock.ts'

/** What a pace says again and again for a body that takes `itemMs` an item. */
function paceOf(itemMs: number, lots: number): number[] {
  const clock = new ManualClock()
  const pace = new Pace(clock)
  const counts = [pace.next(0)]
  for (let i = 1; i < lots; i += 1) {
    pace.leased()
    const handed = counts.at(-1) ?? 0
    clock.pass(itemMs * handed)
    counts.push(pace.next(handed))
  }
  return counts
}

describe('the queue, in a loop,', () => {
  it('takes one item ahead for a slow body', () => {
    assert.deepEqual(paceOf(5, 4), [1, 1, 1, 1])
    assert.deepEqual(paceOf(1, 4), [1, 1, 1, 1])
  })

  it('takes up to 64 for a fast one, doubling', () => {
    assert.deepEqual(paceOf(0, 9), [1, 2, 4, 8, 16, 32, 64, 64, 64])
    assert.deepEqual(paceOf(1 / 1024, 9), [1, 2, 4, 8, 16, 32, 64, 64, 64])
  })

  it('takes a millisecond of work for one in between', () => {
    assert.deepEqual(paceOf(1 / 8, 6), [1, 2, 4, 8, 8, 8])
  })

  it('goes back to one when the body becomes slow, by what it was seen to do', () => {
    const clock = new ManualClock()
    const pace = new Pace(clock)
    pace.leased()
    assert.equal(pace.next(32), 64)
    pace.leased()
    clock.pass(3)
    assert.equal(pace.next(3), 1)
  })
})
