import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Delivery } from '../../lib/consume/delivery.ts'
import { Leasing } from '../../lib/consume/leasing.ts'
import { SettledError, StorageError } from '../../lib/errors.ts'
import { Script } from './scripted-store.ts'

async function leased(count: number): Promise<{ script: Script; deliveries: Delivery<unknown>[] }> {
  const script = await Script.with(count)
  const deliveries = await new Leasing(script.core).lease(count, script)
  script.said()
  return { script, deliveries }
}

const ackAll = (deliveries: readonly Delivery<unknown>[]): Promise<PromiseSettledResult<void>[]> =>
  Promise.allSettled(deliveries.map((delivery) => delivery.ack()))

const indexesOf = (outcomes: readonly PromiseSettledResult<void>[], status: string): number[] =>
  outcomes.flatMap((outcome, i) => (outcome.status === status ? [i] : []))

describe('the queue, acknowledging deliveries at once,', () => {
  it('writes them once, in the order of their ids', async () => {
    const { script, deliveries } = await leased(5)
    const [a, b, c, d, e] = deliveries
    await Promise.all([d?.ack(), a?.ack(), e?.ack(), b?.ack()])
    assert.deepEqual(script.said(), ['settle ack 1-2,4-5'])
    assert.equal(script.core.tally.taken, 4)
    await c?.ack()
    assert.deepEqual(script.said(), ['settle ack 3-3'])
    assert.deepEqual(await script.store.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
  })

  it('names those apart that were handed out another time', async () => {
    const script = await Script.with(3)
    const leasing = new Leasing(script.core)
    const [first, second] = await leasing.lease(2, script)
    await second?.nack()
    const again = await leasing.lease(2, script)
    script.said()
    await Promise.all(
      [...again.toReversed(), ...(first === undefined ? [] : [first])].map((delivery) => delivery.ack()),
    )
    assert.deepEqual(script.said(), ['settle ack 1-1,2-2,3-3'])
    assert.equal(script.core.tally.taken, 3)
  })

  it('tells of one that is not held any more, and acknowledges the others', async () => {
    const { script, deliveries } = await leased(5)
    // Its lease has ended behind the handle's back.
    await script.store.settle([{ outcome: 'back', ids: [{ from: 3, to: 3 }], counted: true }])
    const outcomes = await ackAll(deliveries)
    assert.deepEqual(indexesOf(outcomes, 'rejected'), [2])
    assert.ok(outcomes.every((outcome) => outcome.status !== 'rejected' || outcome.reason instanceof SettledError))
    assert.equal(script.core.tally.taken, 4)
    assert.equal((await script.store.counts()).ready, 1)
    assert.equal((await script.store.counts()).inFlight, 0)
    await assert.rejects(deliveries[2]?.ack() ?? Promise.resolve(), SettledError)
  })

  it('leaves all of them in flight where nothing can be written, to be acknowledged again', async () => {
    const { script, deliveries } = await leased(3)
    const failure = new StorageError('the disk is on fire')
    script.failing.settle = failure
    const outcomes = await ackAll(deliveries)
    assert.deepEqual(indexesOf(outcomes, 'rejected'), [0, 1, 2])
    assert.ok(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason === failure))
    assert.equal((await script.store.counts()).inFlight, 3)
    assert.deepEqual(indexesOf(await ackAll(deliveries), 'fulfilled'), [0, 1, 2])
    assert.equal((await script.store.counts()).inFlight, 0)
  })

  it('acknowledges each once, however often it is asked', async () => {
    const { script, deliveries } = await leased(2)
    const outcomes = await ackAll([...deliveries, ...deliveries])
    assert.deepEqual(indexesOf(outcomes, 'rejected'), [2, 3])
    assert.deepEqual(script.said(), ['settle ack 1-2'])
  })
})
