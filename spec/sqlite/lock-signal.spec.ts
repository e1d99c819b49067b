// lock-signal.spec.ts: while another program has the file locked, a signal ends each call that waits for it, with its reason and
// nothing lost.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { AsyncQueue, PersistentMap } from '../../lib/index.ts'
import { begin, newWithdrawal, withdraw } from '../../lib/sqlite/withdrawal.ts'
import { fate, turns } from '../queue/place.ts'
import { type Holding, PUTTING, stops, TAKING } from '../queue/waiting-calls.ts'
import { foreign, newFile } from './rig.ts'

async function holding(file = newFile(), options = {}): Promise<Holding> {
  const queue = await AsyncQueue.open<number>(`sqlite:${file}`, { durability: 'os', ...options })
  await queue.putMany([1, 2, 3])
  const other = foreign(file)
  other.exec('BEGIN IMMEDIATE')
  return { queue, letGo: () => other.close() }
}

describe('SQLite: a signal', () => {
  it('ends what waits for the file', async () => {
    await Promise.all([...TAKING, ...PUTTING].map(async (call) => stops(await holding(), call)))
    for (const call of PUTTING) await stops(await holding(newFile(), { maxSize: 9 }), call)
  })

  it('ends a call that stands behind another one, which goes on', async () => {
    const { queue, letGo } = await holding()
    const popping = queue.pop()
    // The thread waits for the file with the first by now.
    await pause(20)
    const stop = new AbortController()
    const reason = new Error('enough')
    const got = queue.get({ signal: stop.signal })
    got.catch(() => {})
    await turns()
    stop.abort(reason)
    await assert.rejects(got, (error) => error === reason)
    letGo()
    assert.deepEqual([await popping, await queue.pop(9)], [1, [2, 3]])
    await queue.close()
  })

  it('takes a call back or comes too late, and both threads know which', () => {
    const [begun, withdrawn] = [newWithdrawal(), newWithdrawal()]
    assert.deepEqual([begin(begun), withdraw(begun), begin(begun)], [true, false, true])
    assert.deepEqual([withdraw(withdrawn), begin(withdrawn), withdraw(withdrawn)], [true, false, false])
    assert.equal(begin(undefined), true)
  })

  it('comes too late for a call that has begun: it has what it took', async () => {
    const file = newFile()
    await using queue = await AsyncQueue.open<number>(`sqlite:${file}`, { durability: 'os' })
    for (let item = 1; item <= 20; item += 1) {
      await queue.put(item)
      const stop = new AbortController()
      const got = queue.get({ signal: stop.signal }).catch(() => undefined)
      if (item % 2 === 0) await new Promise(setImmediate)
      stop.abort()
      const value = await got
      if (value === undefined) assert.equal(await queue.pop(), item)
      else assert.equal(value, item)
      assert.equal(await queue.size(), 0)
    }
  })

  it('ends an opening, of a queue and of a map; what it opened all the same is closed', async () => {
    const file = newFile()
    const { queue, letGo } = await holding(file)
    const openings = [
      (signal: AbortSignal) => AsyncQueue.open(`sqlite:${file}?queue=other`, { signal }),
      (signal: AbortSignal) => PersistentMap.open(`sqlite:${file}?map=other`, { signal }),
    ]
    for (const open of openings) {
      const stop = new AbortController()
      const reason = new Error('enough')
      const opening = open(stop.signal).then(
        () => 'opened',
        (error: unknown) => error,
      )
      assert.equal(await fate(opening), 'pending')
      stop.abort(reason)
      assert.equal(await Promise.race([opening, turns(200)]), reason)
    }
    letGo()
    assert.deepEqual(await queue.pop(9), [1, 2, 3])
    await queue.close()
  })
})
