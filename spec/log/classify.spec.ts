// classify.spec.ts: the one rule that tells a crash from damage, as a table.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { classify, type Known } from '../../lib/log/classify.ts'
import { isBefore, type Position } from '../../lib/log/frame.ts'
import type { GoneWhy } from '../../lib/log/record.ts'

const at = (segment: number, offset: number): Position => ({ segment, offset })
const known: Known = {
  syncedTo: at(100, 5000),
  verifiedTo: at(100, 7000),
  voids: [
    { segment: 1, from: 2000, to: 3000 },
    { segment: 100, from: 6000, to: 6500 },
  ],
}

const TABLE: readonly (readonly [string, Position, GoneWhy])[] = [
  ['the beginning of the log', at(0, 0), 'damage'],
  ['an earlier segment, however far in it', at(99, 2 ** 50), 'damage'],
  ['just before synced-to', at(100, 4999), 'damage'],
  ['at synced-to, and verified since', at(100, 5000), 'damage'],
  ['just before what was verified', at(100, 6999), 'damage'],
  ['at the end of what was verified', at(100, 7000), 'crash'],
  ['behind it', at(100, 7001), 'crash'],
  ['a later segment', at(101, 0), 'crash'],
  ['just before a void', at(1, 1999), 'damage'],
  ['the first byte of a void', at(1, 2000), 'void'],
  ['the last byte of a void', at(1, 2999), 'void'],
  ['behind a void', at(1, 3000), 'damage'],
  ['the place of a void in another segment', at(2, 2500), 'damage'],
  ['a void behind synced-to', at(100, 6200), 'void'],
]

describe('bytes that do not hold', () => {
  for (const [where, position, why] of TABLE) {
    it(`are ${why} at ${where}`, () => assert.equal(classify(position, known), why))
  }

  it('are damage before the greater of what is synced and what is verified', () => {
    const other: Known = { syncedTo: at(100, 7000), verifiedTo: at(0, 0), voids: [] }
    assert.equal(classify(at(100, 6999), other), 'damage')
    assert.equal(classify(at(100, 7000), other), 'crash')
  })

  it('are a crash in a log of which nothing is known', () => {
    const nothing: Known = { syncedTo: at(0, 0), verifiedTo: at(0, 0), voids: [] }
    assert.equal(classify(at(1, 1056), nothing), 'crash')
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
