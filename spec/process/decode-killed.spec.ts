// decode-killed.spec.ts: an item that kills whoever decodes it is set aside after its attempts, and nothing beside it.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { AsyncQueue, type Codec } from '../../lib/index.ts'
import { CHECK } from '../layers.ts'
import { newPlace } from './parts.ts'

const ITEMS = ['a', 'b', 'bad', 'c', 'd']
const PROGRAM = fileURLToPath(import.meta.url)

function trap(isSet: boolean): Codec<string> {
  const decode = (bytes: Uint8Array): string => {
    const text = Buffer.from(bytes).toString()
    if (isSet && text === 'bad') process.kill(process.pid, 'SIGKILL')
    return text
  }
  return { name: 'trap', encode: (text) => Buffer.from(text), decode }
}

const ways: Record<string, (queue: AsyncQueue<string>) => Promise<unknown>> = {
  items: (queue) => all(queue.items({ wait: false })),
  pop: (queue) => queue.pop(9),
  consume: (queue) => queue.consume(() => {}, { wait: false, batch: 3 }),
  batches: (queue) => all(queue.batches(3, { wait: false })),
}

async function all<V>(values: AsyncIterable<V>): Promise<void> {
  for await (const _ of values);
}

async function victim(location: string, way: string): Promise<void> {
  await using queue = await AsyncQueue.open<string>(location, { codec: trap(true), maxAttempts: 2 })
  await ways[way]?.(queue)
}

const [, program, location, way] = process.argv
if (program === PROGRAM && location !== undefined && way !== undefined) await victim(location, way)
else {
  for (const store of ['log', 'sqlite']) {
    for (const way of CHECK ? Object.keys(ways) : store === 'log' ? ['items'] : ['pop']) {
      it(`the queue (${store}, ${way}) sets an item aside that kills who decodes it, and no other`, async (t) => {
        const place = newPlace(t)
        const location = store === 'log' ? place : `sqlite:${place}.db`
        const first = await AsyncQueue.open<string>(location, { codec: trap(false) })
        for (const item of ITEMS) await first.put(item)
        await first.close()
        const ends = Array.from({ length: 3 }, () => spawnSync(process.execPath, [PROGRAM, location, way]).signal)
        assert.deepEqual(ends, ['SIGKILL', 'SIGKILL', null])
        await using queue = await AsyncQueue.open<string>(location, { codec: trap(false) })
        const failed = await queue.list({ status: 'failed' })
        assert.deepEqual(
          failed.map(({ item, attempt }) => [item, attempt]),
          [['bad', 2]],
        )
        assert.equal(await queue.size(), 0)
      })
    }
  }
}
