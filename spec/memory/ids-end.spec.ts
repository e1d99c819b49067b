// ids-end.spec.ts: the end of ids in memory: all or nothing.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Shelf } from '../../lib/memory/shelf.ts'
import { NEARLY } from '../store/ids-end.ts'

const REFUSED = { code: 'ERR_QUEUE_STORAGE', message: /2\^53/ }
const documents = (count: number) => Array.from({ length: count }, () => ({ bytes: Buffer.from('1'), count: 1 }))

it('the queue in memory ends its ids below 2^53, and loses nothing for it', () => {
  const shelf = new Shelf('json', 'fifo', NEARLY)
  assert.throws(() => shelf.append(documents(4), 0), REFUSED)
  assert.equal(shelf.append(documents(2), 0), NEARLY)
  assert.equal(shelf.append(documents(1), 0), Number.MAX_SAFE_INTEGER)
  assert.throws(() => shelf.append(documents(1), 0), REFUSED)
  const [first] = shelf.lease(1, shelf, 0)
  const ids = [{ from: NEARLY, to: NEARLY }]
  assert.throws(() => shelf.settle([{ outcome: 'toBack', ids }], shelf), REFUSED)
  assert.equal(shelf.counts().inFlight, 1)
  assert.equal(first?.id, NEARLY)
  shelf.settle([{ outcome: 'fail', ids, reason: 'no good' }], shelf)
  assert.throws(() => shelf.retry(), REFUSED)
  assert.deepEqual(shelf.counts(), { ready: 2, delayed: 0, inFlight: 0, failed: 1, acked: 0 })
})
