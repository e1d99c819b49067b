// A copy from store to store whose process is killed in the middle, again and again: begun anew it finishes, and each
// item is there once, in order, with its attempts.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { it, type TestContext } from 'node:test'
import { AsyncQueue } from '../../lib/index.ts'
import { CHECK } from '../layers.ts'
import { sharedPort, urlOf, withServer } from '../mysql/server.ts'
import { long, newPlace, startPart } from './parts.ts'

interface Item {
  readonly n: number
  readonly text: string
}

type Store = (t: TestContext) => Promise<string>

const COUNT = long(3000, 500)
const OPTIONS = { durability: 'os' } as const

const log: Store = async (t) => newPlace(t)
const sqlite: Store = async (t) => `sqlite:${newPlace(t)}.db`
const mysql: Store = async () => urlOf(await sharedPort(), `copy ${randomUUID()}`)

/** Each of its steps is killed as often as it has got so many batches. */
function copies(name: string, stores: readonly Store[]): void {
  it(`the queue is copied ${name}, though its process is killed`, async (t) => {
    const [first, ...others] = stores
    assert.ok(first)
    let from = await first(t)
    await fill(from)
    for (const store of others) {
      const to = await store(t)
      for (const batches of long([1, 3], [1])) {
        const copy = startPart(t, 'copy', { folder: from, options: OPTIONS, to })
        await copy.heard(batches)
        await copy.kill()
      }
      await startPart(t, 'copy', { folder: from, options: OPTIONS, to }).done
      await check(to)
      from = to
    }
    await using queue = await AsyncQueue.open<Item>(from)
    const items = await queue.pop(COUNT)
    assert.deepEqual(
      items,
      Array.from({ length: COUNT }, (_, n) => itemOf(n)),
    )
  })
}

function itemOf(n: number): Item {
  return { n, text: `${n} `.repeat(200) }
}

/** The first hundred were handed out once. */
async function fill(location: string): Promise<void> {
  await using queue = await AsyncQueue.open<Item>(location, OPTIONS)
  await queue.putMany(Array.from({ length: COUNT }, (_, n) => itemOf(n)))
  for (const delivery of await queue.lease(100)) await delivery.nack()
}

async function check(location: string): Promise<void> {
  await using queue = await AsyncQueue.open<Item>(location, OPTIONS)
  assert.deepEqual(await queue.counts(), { ready: COUNT, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
  let after = 0
  for (let n = 0; n < COUNT; ) {
    for (const { id, item, attempt } of await queue.list({ after, limit: 1000 })) {
      assert.equal(item?.n, n)
      assert.equal(attempt, n < 100 ? 1 : 0)
      after = id
      n += 1
    }
  }
}

copies('from log to log', [log, log])
if (CHECK) copies('between log and SQLite', [log, sqlite, sqlite, log])
withServer(() =>
  copies('between log, SQLite and MySQL', long([log, mysql, sqlite, mysql, mysql, log], [sqlite, mysql, log])),
)
