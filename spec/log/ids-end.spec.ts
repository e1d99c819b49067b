// ids-end.spec.ts: the end of ids over the log, whose first segment is named by one of the last.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { AsyncQueue } from '../../lib/index.ts'
import { writeHeader } from '../../lib/log/segment.ts'
import { idsEnd, NEARLY } from '../store/ids-end.ts'
import { segment } from './queue-rig.ts'

const folder = mkdtempSync(join(tmpdir(), 'spoolq-ids-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let queues = 0

async function nearlyAtTheEnd(): Promise<AsyncQueue<string>> {
  queues += 1
  const location = join(folder, `${queues}`)
  await (await AsyncQueue.open(location, { codec: 'json' })).close()
  for (const name of ['cursor.0', 'cursor.1']) rmSync(join(location, name))
  const sizes = { asideEnd: 0, asideCount: 0, items: 0, limit: 0 }
  const header = { base: NEARLY, rewrite: 0, nonce: 5, made: 1, ...sizes, codec: 'json', voids: [], boot: 0 }
  writeFileSync(join(location, segment(NEARLY)), writeHeader(header))
  return AsyncQueue.open<string>(location)
}

describe('the queue in a log', () => {
  idsEnd(nearlyAtTheEnd)

  it('refuses a large batch, too, that would go beyond the end of its ids', async () => {
    await using queue = await nearlyAtTheEnd()
    const item = 'x'.repeat(600_000)
    await assert.rejects(queue.putMany([item, item, item, item]), { code: 'ERR_QUEUE_STORAGE', message: /2\^53/ })
    assert.equal((await queue.putMany([item, item, item])).length, 3)
    assert.equal((await queue.pop(9)).length, 3)
  })
})
