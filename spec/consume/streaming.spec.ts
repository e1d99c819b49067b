// What is promised of streams over every store, over one that is quick: so that a planted bug is caught soon.

import { randomUUID } from 'node:crypto'
import { after, describe } from 'node:test'
import type { QueueOptions } from '../../lib/index.ts'
import { AsyncQueue } from '../../lib/index.ts'
import { telling } from '../queue/consuming.ts'
import { stopping } from '../queue/stopping.ts'
import { streaming } from '../queue/streaming.ts'

const opened: { close(options: { grace: number }): Promise<void> }[] = []
after(() => Promise.all(opened.map((queue) => queue.close({ grace: 0 }).catch(() => {}))))

function keep<T>(queue: AsyncQueue<T>): AsyncQueue<T> {
  opened.push(queue)
  return queue
}

describe('the queue as a stream', () => {
  const place = async () => {
    const location = `memory:${randomUUID()}`
    return {
      location,
      open: async <T>(options?: QueueOptions<T>) => keep(await AsyncQueue.open<T>(location, options)),
      start: <T>(options?: QueueOptions<T>) => keep(new AsyncQueue<T>(location, options)),
    }
  }
  streaming(place)
  stopping(place)
  telling(place)
})
