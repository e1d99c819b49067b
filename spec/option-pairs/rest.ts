// rest.ts: `keepAcked` and `signal` beside the calls.

import assert from 'node:assert/strict'
import { leased } from '../queue/delivering.ts'
import { fresh, type MakePlace, numbers } from '../queue/place.ts'
import { type Row, triedAbove, triedIndexed } from './row.ts'

export const restRows: readonly Row[] = [
  ...triedAbove('keepAcked', 'consume.batch', 'the last ones of a batch are kept for the record', batch),
  ...triedAbove('keepAcked', 'copyTo', 'what is kept for the record is not copied, and the copy keeps its own', copied),
  ...triedIndexed('keepAcked', 'update', 'what is kept for the record is not updated', updated),
  ...triedAbove('signal', 'put.signal consume.signal', 'what ends the opening ends nothing later', ended),
]

async function batch(place: MakePlace): Promise<void> {
  const queue = await fresh<number>(place, { keepAcked: 3 })
  await queue.putMany(numbers(1, 5))
  await queue.consume(() => {}, { batch: 2, wait: false })
  assert.deepEqual(
    (await queue.list({ status: 'acked' })).map(({ item }) => item),
    [3, 4, 5],
  )
}

async function copied(place: MakePlace): Promise<void> {
  const queue = await fresh<number>(place, { keepAcked: 9 })
  await queue.putMany([1, 2])
  await (await leased(queue)).ack()
  await using copy = await queue.copyTo((await place()).location, { keepAcked: 9 })
  assert.deepEqual(await copy.counts(), { ready: 1, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
  await (await leased(copy)).ack()
  assert.deepEqual([(await copy.counts()).acked, (await queue.counts()).acked], [1, 1])
}

async function updated(place: MakePlace): Promise<void> {
  const queue = await fresh<string>(place, { keepAcked: 9 })
  await queue.put('a')
  await (await leased(queue)).ack()
  assert.equal(await queue.update(1, 'b'), false)
  assert.deepEqual(
    (await queue.list({ status: 'acked' })).map(({ item }) => item),
    ['a'],
  )
}

async function ended(place: MakePlace): Promise<void> {
  const opening = new AbortController()
  const queue = await fresh<number>(place, { signal: opening.signal, maxSize: 1 })
  opening.abort(new Error('too late'))
  assert.equal(await queue.put(1), 1)
  const waiting = queue.put(2, { signal: new AbortController().signal })
  const { acked } = await queue.consume(() => {}, { wait: false, signal: new AbortController().signal })
  assert.ok(acked >= 1)
  assert.equal(await waiting, 2)
}
