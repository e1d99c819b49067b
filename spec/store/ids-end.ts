// ids-end.ts: where ids end, the same over every store whose next id can be set: what would go beyond is refused, and
// nothing is lost for it.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { END_OF_IDS } from '../../lib/ids.ts'
import type { AsyncQueue } from '../../lib/index.ts'

const REFUSED = { code: 'ERR_QUEUE_STORAGE', message: /2\^53/ }
/** The first of the last three. */
export const NEARLY = END_OF_IDS - 3

/** `open`: a queue whose next id is NEARLY. */
export function idsEnd(open: () => Promise<AsyncQueue<string>>): void {
  it('ends its ids below 2^53, and loses nothing for it', async () => {
    await using queue = await open()
    assert.equal(await queue.put('a'), NEARLY)
    await assert.rejects(queue.putMany(['x', 'y', 'z']), REFUSED)
    assert.deepEqual(await queue.putMany(['b', 'c']), [NEARLY + 1, NEARLY + 2])
    await assert.rejects(queue.put('d'), REFUSED)
    await assert.rejects(queue.put('e', { delay: 1000 }), REFUSED)
    assert.equal(NEARLY + 2, Number.MAX_SAFE_INTEGER)
    const [first, second] = await queue.lease(2)
    await assert.rejects(first?.nack({ to: 'back' }) ?? assert.fail(), REFUSED)
    await first?.fail('no good')
    await assert.rejects(queue.retry(), REFUSED)
    assert.deepEqual(await queue.counts(), { ready: 1, delayed: 0, inFlight: 1, failed: 1, acked: 0 })
    await second?.nack()
    assert.deepEqual(await queue.pop(9), ['b', 'c'])
    assert.deepEqual(
      (await queue.list({ status: 'failed' })).map(({ item }) => item),
      ['a'],
    )
    await queue.flush()
    await assert.rejects(queue.put('f'), REFUSED)
    assert.equal(await queue.size(), 0)
  })
}
