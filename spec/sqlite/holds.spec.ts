// Whatever is taken, settled, held for too long or given back: where the items of each owner are is told exactly.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { loadDriver } from '../../lib/sqlite/driver.ts'
import type { Engine, Outcome } from '../../lib/sqlite/engine.ts'
import { sealed } from '../../lib/sqlite/seal.ts'
import type { Settlement } from '../../lib/store.ts'
import { call, engineWith, foreign, newFile, plainPut } from './rig.ts'

const ITEMS = 9000
const BLOCK_IDS = 4096

const act = fc.record({
  kind: fc.constantFrom('lease', 'lease', 'ack', 'back', 'toBack', 'again', 'fail', 'pass', 'leave'),
  owner: fc.constantFrom(7, 8),
  at: fc.integer({ min: 1, max: ITEMS }),
  count: fc.integer({ min: 1, max: 5000 }),
})
type Act = ReturnType<typeof act.generate>['value']

function settlementOf({ kind, at: from, count }: Act): Settlement | undefined {
  const ids = [{ from, to: from + (count % 3 === 0 ? count : count % 30) }]
  if (kind === 'ack' || kind === 'toBack' || kind === 'again') return { outcome: kind, ids }
  if (kind === 'back') return { outcome: kind, ids, counted: count % 2 === 0 }
  return kind === 'fail' ? { outcome: kind, ids, reason: 'bad' } : undefined
}

let now = 1000

function carryOut(engine: Engine, one: Act): Outcome[] {
  const { kind, owner, at, count } = one
  const settlement = settlementOf(one)
  const asked = { queue: 1, now, owner, keep: 0, settlements: settlement === undefined ? [] : [settlement] }
  if (settlement !== undefined && at % 2 === 0) return engine.run([call('queue.settle', asked)])
  if (kind === 'leave') return engine.run([call('owner.leave', { queue: 1, owners: [owner] })])
  if (kind === 'pass') now += 60
  const deadline = count % 2 === 0 ? now + 100 : null
  const lease = { ...asked, now, n: kind === 'pass' ? 1 : count, isStrict: false, deadline, isAhead: at % 2 === 0 }
  return engine.run([call('queue.lease', { ...lease, pick: undefined })])
}

it('the queue knows where the items of each owner are', () => {
  fc.assert(
    fc.property(fc.array(act, { minLength: 20, maxLength: 40 }), (acts) => {
      const file = newFile()
      const engine = engineWith(file, loadDriver())
      engine.run([call('queue.put', plainPut, sealed(Array.from({ length: ITEMS }, () => Buffer.alloc(1))))])
      const driver = foreign(file)
      const flying = driver.prepare(
        `SELECT owner, id / ${BLOCK_IDS}, count(*) FROM spoolq_1_flying GROUP BY 1, 2 ORDER BY 1, 2`,
      )
      const holds = driver.prepare('SELECT owner, block, count FROM spoolq_1_holds ORDER BY 1, 2')
      for (const one of acts) {
        carryOut(engine, one)
        assert.deepEqual(holds.all(), flying.all(), JSON.stringify(one))
      }
      engine.run([call('owner.leave', { queue: 1, owners: [7, 8] })])
      assert.deepEqual(flying.all(), [])
      driver.close()
      engine.close()
    }),
    { numRuns: 15, endOnFailure: true },
  )
})
