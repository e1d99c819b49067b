// classify.spec.ts: the one rule that tells damage, what is missing and a crash apart, as a table.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Class, classify, type Known } from '../../lib/log/classify.ts'
import { isBefore, type Position } from '../../lib/log/frame.ts'

const at = (segment: number, offset: number): Position => ({ segment, offset })
const known: Known = {
  syncedTo: at(100, 5000),
  voids: [
    { segment: 1, from: 2000, to: 3000 },
    { segment: 100, from: 6000, to: 6500 },
  ],
  wasCut: true,
}

/** In another boot than the one that wrote it, and in the same. */
const TABLE: readonly (readonly [string, Position, Class, Class])[] = [
  ['the beginning of the log', at(0, 0), 'damage', 'damage'],
  ['an earlier segment, however far in it', at(99, 2 ** 50), 'damage', 'damage'],
  ['just before synced-to', at(100, 4999), 'damage', 'damage'],
  ['at synced-to', at(100, 5000), 'crash', 'missing'],
  ['behind it', at(100, 7001), 'crash', 'missing'],
  ['a later segment', at(101, 0), 'crash', 'missing'],
  ['just before a void', at(1, 1999), 'damage', 'damage'],
  ['the first byte of a void', at(1, 2000), 'crash', 'missing'],
  ['the last byte of a void', at(1, 2999), 'crash', 'missing'],
  ['behind a void', at(1, 3000), 'damage', 'damage'],
  ['the place of a void in another segment', at(2, 2500), 'damage', 'damage'],
  ['a void behind synced-to', at(100, 6200), 'crash', 'missing'],
]

describe('bytes that do not hold', () => {
  for (const [where, position, another, same] of TABLE) {
    it(`are ${another} at ${where}, in the same boot ${same}`, () => {
      assert.equal(classify(position, known), another)
      assert.equal(classify(position, { ...known, wasCut: false }), same)
    })
  }

  it('are a crash, or missing, in a log of which nothing is known', () => {
    const nothing: Known = { syncedTo: at(0, 0), voids: [], wasCut: true }
    assert.equal(classify(at(1, 1056), nothing), 'crash')
    assert.equal(classify(at(1, 1056), { ...nothing, wasCut: false }), 'missing')
  })
})

describe('positions', () => {
  it('are in order by segment first', () => {
    const order = [at(0, 0), at(0, 9), at(1, 0), at(1, 1), at(7, 0)]
    for (const [i, one] of order.entries()) {
      for (const [j, other] of order.entries()) assert.equal(isBefore(one, other), i < j)
    }
  })
})
