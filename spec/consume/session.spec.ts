import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Held } from '../../lib/consume/held.ts'
import { Session } from '../../lib/consume/session.ts'
import { fate, turns } from '../queue/place.ts'
import { Script } from './scripted-store.ts'

/** Takes `count` items, each acknowledged when the next is asked for, as a loop does. */
async function loop(
  session: Session<unknown>,
  count: number,
  current?: Held<unknown>,
): Promise<Held<unknown> | undefined> {
  let held = current
  for (let i = 0; i < count; i += 1) {
    if (held !== undefined) session.ack(held)
    held = await session.next()
  }
  return held
}

describe('the queue, for one consumer,', () => {
  it('lets the acknowledgement of a slow body go with taking the next item', async () => {
    const script = await Script.with(3)
    const session = new Session(script.core)
    const first = await loop(session, 1)
    script.clock.pass(5)
    const second = await loop(session, 1, first)
    script.clock.pass(5)
    await loop(session, 1, second)
    assert.deepEqual(script.said(), ['lease 1', 'lease 1 ack 1-1', 'lease 1 ack 2-2'])
    await session.leave()
    assert.deepEqual(script.said(), ['settle back 3-3'])
  })

  it('acknowledges many of a fast body at a time', async () => {
    const script = await Script.with(200)
    const session = new Session(script.core)
    await loop(session, 128)
    const sizes = [
      'lease 1',
      'lease 2 ack 1-1',
      'lease 4 ack 2-3',
      'lease 8 ack 4-7',
      'lease 16 ack 8-15',
      'lease 32 ack 16-31',
    ]
    assert.deepEqual(script.said(), [...sizes, 'lease 64 ack 32-63', 'lease 64 ack 64-127'])
    await session.leave()
  })

  it('writes acknowledgements after a millisecond, if nothing carried them', async () => {
    const script = await Script.with(9)
    const session = new Session(script.core, { ahead: 9 })
    await loop(session, 4)
    script.said()
    script.clock.pass(1)
    await session.settled()
    assert.deepEqual(script.said(), ['settle ack 1-3'])
    await session.leave()
    assert.deepEqual(script.said(), ['settle back 4-4 back 5-9'])
  })

  it('answers calls that are made at once in their order, each once', async () => {
    const script = await Script.with(3)
    const session = new Session(script.core)
    const nexts = [1, 2, 3].map(() => session.next())
    assert.deepEqual(await Promise.all(nexts.map((next) => fate(next))), ['resolved', 'resolved', 'resolved'])
    assert.deepEqual(
      (await Promise.all(nexts)).map((held) => held?.item),
      [1, 2, 3],
    )
    await session.leave()
  })

  it('gathers 64 acknowledgements at most', async () => {
    const script = await Script.with(100)
    const session = new Session(script.core, { ahead: 100 })
    await loop(session, 66)
    await turns()
    assert.deepEqual(script.said(), ['lease 100', 'settle ack 1-64'])
    await session.leave()
    assert.deepEqual(script.said(), ['settle ack 65-65 back 66-66 back 67-100'])
  })

  it('acknowledges a whole batch with the lease of the next one', async () => {
    const script = await Script.with(300)
    const session = new Session(script.core, { ahead: 200 })
    const batch: Held<unknown>[] = []
    for (let held = await session.next(); held !== undefined; held = session.ready()) batch.push(held)
    for (const held of batch) session.ack(held, true)
    await session.next()
    assert.deepEqual(script.said(), ['lease 200', 'lease 200 ack 1-200'])
    await session.leave()
  })

  it('takes anew what came when half of its lease was over, and goes on', async () => {
    const script = await Script.with(2, { leaseTimeout: 100 })
    const session = new Session(script.core)
    script.leaseMs = 60
    assert.equal((await session.next())?.id, 1)
    assert.deepEqual(script.said(), ['lease 1', 'settle back 1-1', 'lease 1'])
    await session.leave()
  })

  it('gives back what it took ahead for a body that has become slow', async () => {
    const script = await Script.with(30)
    const session = new Session(script.core)
    const held = await loop(session, 8)
    script.said()
    script.clock.pass(1)
    script.clock.pass(1)
    await turns()
    assert.deepEqual(script.said(), ['settle back 9-15'])
    const { attempt } = (await loop(session, 1, held)) ?? {}
    assert.equal(attempt, 1)
    assert.deepEqual(script.said(), ['lease 1 ack 8-8'])
    await session.leave()
  })

  it('settles in any order', async () => {
    const script = await Script.with(5)
    const session = new Session(script.core, { ahead: 5 })
    const held: Held<unknown>[] = []
    for (let i = 0; i < 5; i += 1) held.push(...(await session.next().then((one) => (one ? [one] : []))))
    for (const at of [3, 1, 4]) session.ack(held[at] ?? assert.fail())
    session.ack(held[1] ?? assert.fail())
    await session.settled()
    await session.leave()
    assert.deepEqual(script.said(), ['lease 5', 'settle ack 4-4,2-2,5-5', 'settle back 1-1,3-3'])
    assert.equal(script.core.tally.taken, 3)
  })

  it('keeps hold of what was handed out of earlier lots', async () => {
    const script = await Script.with(4)
    const session = new Session(script.core, { ahead: 1 })
    const held = [await session.next(), await session.next(), await session.next()]
    session.ack(held[1] ?? assert.fail())
    await session.leave()
    assert.deepEqual(script.said(), ['lease 1', 'lease 1', 'lease 1', 'settle ack 2-2 back 1-1,3-3'])
  })

  it('acknowledges again what a failed write should have, and tells of the failure once', async () => {
    const script = await Script.with(9)
    const session = new Session(script.core, { ahead: 9 })
    const held = await loop(session, 4)
    script.failing.settle = new Error('disk full')
    script.clock.pass(1)
    await turns()
    await loop(session, 1, held)
    await assert.rejects(async () => script.core.check(), /disk full/)
    script.core.check()
    await session.settled()
    assert.deepEqual(script.said(), ['lease 9', 'settle ack 1-3', 'settle ack 1-4'])
    await session.leave()
  })

  it('rejects the call whose lease fails, and the next one goes on', async () => {
    const script = await Script.with(3)
    const session = new Session(script.core)
    const first = await loop(session, 1)
    script.failing.lease = new Error('disk gone')
    await assert.rejects(loop(session, 1, first), /disk gone/)
    assert.equal((await session.next())?.id, 2)
    assert.deepEqual(script.said(), ['lease 1', 'lease 2 ack 1-1', 'lease 2 ack 1-1'])
    await session.leave()
  })

  it('ends a next that waits when it is left, and gives back what that still got', async () => {
    const script = await Script.with(0)
    const session = new Session(script.core)
    const waiting = session.next()
    assert.equal(await fate(waiting), 'pending')
    const left = session.leave()
    await script.put(1)
    assert.equal(await waiting, undefined)
    await left
    assert.equal(await session.next(), undefined)
    assert.deepEqual(await script.store.counts(), { ready: 1, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
  })

  it('ends when the writing side has ended and nothing is left', async () => {
    const script = await Script.with(2)
    const session = new Session(script.core)
    const waiting = [session.next(), session.next(), session.next()]
    await turns()
    script.core.endWriting()
    assert.deepEqual(
      (await Promise.all(waiting)).map((held) => held?.id),
      [1, 2, undefined],
    )
    await session.leave()
  })

  it('gives back what it took ahead when half of its lease is over, and leases anew', async () => {
    const script = await Script.with(3, { leaseTimeout: 100 })
    const session = new Session(script.core, { ahead: 3 })
    const first = await loop(session, 1)
    script.clock.pass(49)
    await turns()
    assert.deepEqual(script.said(), ['lease 3'])
    script.clock.pass(1)
    const second = await loop(session, 1, first)
    assert.equal(second?.attempt, 1)
    assert.deepEqual(script.said(), ['settle back 2-3', 'lease 3 ack 1-1'])
    await session.leave()
  })

  it('marks what is in hand where attempts are limited, before it is handed out', async () => {
    const script = await Script.with(9, { maxAttempts: 3 })
    const marks: string[] = []
    script.store.mark = (slot, ids) => void marks.push(`${slot}: ${ids?.from ?? '-'}-${ids?.to ?? '-'}`)
    const session = new Session(script.core, { ahead: 6 })
    const held = await Promise.all(Array.from({ length: 6 }, () => session.next()))
    const [one, two, three, four, , six] = held.map((each) => each ?? assert.fail())
    assert.ok(one && two && three && four && six)
    session.hold([one])
    session.ack(one)
    session.hold([two, three, six])
    session.hold([four])
    const decoded = ['0: 1-6', '0: ---']
    assert.deepEqual(marks.splice(0), [...decoded, '0: 1-1', '0: 2-3', '1: 6-6', '0: 2-4'])
    const other = new Session(script.core, { ahead: 1 })
    const last = (await other.next()) ?? assert.fail()
    other.hold([last])
    assert.deepEqual(marks.splice(0), ['2: 7-7', '2: ---', '2: 7-7'])
    await session.leave()
    assert.deepEqual(marks.splice(0), ['0: ---', '1: ---'])
    await other.leave()
    assert.deepEqual(marks, ['2: ---'])
  })

  it('waits no longer than until a given time', async () => {
    const script = await Script.with(0)
    const session = new Session(script.core)
    const waiting = session.next(10)
    await turns()
    script.clock.pass(9)
    assert.equal(await fate(waiting), 'pending')
    script.clock.pass(1)
    assert.equal(await waiting, undefined)
    assert.equal(session.ended, false)
    await script.put(1)
    assert.equal((await session.next())?.id, 1)
    await session.leave()
  })
})
