// settle.spec.ts: what a settlement does to the rows is what it does to the sums.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DELAYED, READY } from '../../lib/mysql/schema.ts'
import { settling } from '../../lib/mysql/settle.ts'
import { Tally } from '../../lib/mysql/tally.ts'
import type { Settlement } from '../../lib/store.ts'

const HOLDER = { queue: 1, owner: 2, keepAcked: 0 }
const ITEM = { id: 7, bytes: 3, key: undefined, attempt: 1, isTimed: false }
const ids = [{ from: 7, to: 7 }]

describe('the queue in a MySQL database', () => {
  for (const outcome of ['back', 'toBack'] as const) {
    it(`counts as it writes what is given back (${outcome}) and becomes due while that is being worked out`, (t) => {
      let now = 1000
      t.mock.method(Date, 'now', () => now++)
      for (let due = 995; due < 1010; due += 1) {
        now = 1000
        const tally = new Tally()
        const settlement: Settlement = outcome === 'back' ? { outcome, ids, counted: true, due } : { outcome, ids, due }
        const [update = ''] = settling({ settlement, items: [ITEM] }, HOLDER, tally)
        const isDelayed = update.includes(`status = ${DELAYED},`)
        assert.equal(update.includes(`status = ${READY},`), !isDelayed, update)
        assert.deepEqual([tally.of(READY), tally.of(DELAYED)], isDelayed ? [0, 1] : [1, 0], `due at ${due}`)
      }
    })
  }
})
