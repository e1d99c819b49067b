import assert from 'node:assert/strict'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { AsyncQueue } from '../../lib/queue.ts'
import { runs } from '../codec/items.ts'
import {
  closed,
  filled,
  type Manner,
  manners,
  nothingHeld,
  nothingUntold,
  numbers,
  places,
  Sink,
  turns,
} from './stream-kit.ts'

nothingUntold()

// Readers of every kind take from one queue, one after the other; each breaks off or fails somewhere. What one of
// them is done with, the next one does not see, and it begins with the first that is left.

type Way = 'sink' | 'piped' | 'two sinks' | 'data' | 'hand' | 'loop' | 'stream loop'

interface Phase {
  readonly way: Way
  readonly manner: Manner
  readonly upTo: number
  readonly highWaterMark: number
  readonly pauses: boolean
}

/** What the reader got, in order, and how many of the last of them may come again: at least and at most. */
interface Done {
  readonly items: readonly unknown[]
  readonly again: readonly [number, number]
}

const nothing = [0, 0] as const
const current = [1, 1] as const

const phase: fc.Arbitrary<Phase> = fc.record({
  way: fc.constantFrom<Way>('sink', 'piped', 'two sinks', 'data', 'hand', 'loop', 'stream loop'),
  manner: fc.constantFrom(...manners),
  upTo: fc.integer({ min: 1, max: 90 }),
  highWaterMark: fc.integer({ min: 1, max: 20 }),
  pauses: fc.boolean(),
})

const ways: Record<Way, (queue: AsyncQueue<number>, phase: Phase) => Promise<Done>> = {
  sink: async (queue, { manner, upTo, highWaterMark }) => {
    const sink = new Sink({ manner, failAt: upTo, highWaterMark })
    await pipeline(queue.createReadStream({ wait: false }), sink).catch(() => {})
    return { items: sink.items, again: nothing }
  },

  piped: async (queue, { manner, upTo, highWaterMark }) => {
    const sink = new Sink({ manner, failAt: upTo, highWaterMark })
    sink.on('error', () => {})
    const stream = queue.createReadStream({ wait: false })
    stream.pipe(sink)
    await closed(sink)
    stream.destroy()
    await closed(stream)
    return { items: sink.items, again: nothing }
  },

  'two sinks': async (queue, { manner, upTo, highWaterMark }) => {
    const sinks = [new Sink({ manner, failAt: upTo, highWaterMark }), new Sink({ failAt: upTo })]
    const stream = queue.createReadStream({ wait: false })
    for (const sink of sinks) {
      sink.on('error', () => stream.destroy())
      stream.pipe(sink)
    }
    await Promise.all([closed(stream), ...sinks.map((sink) => Promise.race([closed(sink), closed(stream)]))])
    const [short = [], long = []] = sinks.map(({ items }) => items).sort((a, b) => a.length - b.length)
    assert.deepEqual(short, long.slice(0, short.length))
    // The other one may write on while the stream gives back what it holds.
    return { items: short, again: [0, 16] }
  },

  data: async (queue, { upTo, pauses }) => {
    const items: unknown[] = []
    const stream = queue.createReadStream({ wait: false })
    stream.on('data', (item) => {
      if (items.length === upTo) return
      items.push(item)
      if (items.length === upTo) stream.destroy()
      else if (pauses) {
        stream.pause()
        setImmediate(() => stream.resume())
      }
    })
    await closed(stream)
    return { items, again: items.length === upTo ? current : nothing }
  },

  hand: async (queue, { upTo }) => {
    const items: unknown[] = []
    const stream = queue.createReadStream({ wait: false })
    stream.on('readable', () => {
      for (let item = stream.read(); item !== null; item = stream.read()) {
        items.push(item)
        if (items.length < upTo) continue
        stream.destroy()
        return
      }
    })
    await closed(stream)
    return { items, again: items.length === upTo ? current : nothing }
  },

  loop: (queue, { upTo, pauses }) => looped(queue.items({ wait: false }), upTo, pauses),

  'stream loop': async (queue, { upTo, pauses }) => {
    const stream: Readable = queue.createReadStream({ wait: false })
    const done = await looped(stream, upTo, pauses)
    await closed(stream)
    return done
  },
}

async function looped(items: AsyncIterable<unknown>, upTo: number, pauses: boolean): Promise<Done> {
  const got: unknown[] = []
  for await (const item of items) {
    got.push(item)
    if (got.length === upTo) return { items: got, again: current }
    if (pauses) await turns(1)
  }
  return { items: got, again: nothing }
}

for (const place of places) {
  describe(`readers of every kind over ${place.name}`, () => {
    it('lose nothing, and repeat nothing that they were done with', async () => {
      const property = fc.asyncProperty(fc.array(phase, { maxLength: 8 }), fc.nat(300), async (phases, count) => {
        const queue = await filled(place.fresh(), count)
        let first = 1
        for (const phase of phases) {
          const { items, again } = await ways[phase.way](queue, phase)
          await nothingHeld(queue)
          assert.deepEqual(items, numbers(first, first + items.length - 1), phase.way)
          const [next = count + 1] = await queue.peek(1)
          const repeated = first + items.length - next
          assert.ok(again[0] <= repeated && repeated <= again[1], `${phase.way} repeats ${repeated}`)
          first = next
          assert.deepEqual(await queue.peek(1000), numbers(first, count))
        }
        await queue.close()
      })
      await fc.assert(property, runs(20))
    })
  })
}
