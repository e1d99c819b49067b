// Anything may be thrown, and be what a stream fails with: it is told as Node's own streams tell it, where the caller looks.

import assert from 'node:assert/strict'
import { type Duplex, PassThrough, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, it } from 'node:test'
import { AsyncQueue } from '../../lib/queue.ts'
import { textOf } from '../../lib/text-of.ts'
import { closed, nothingUntold, places, turns } from './stream-kit.ts'

nothingUntold()

const bare: unknown = Object.create(null)
const stackless = Object.assign(new Error('no stack'), { stack: undefined })
const values: readonly unknown[] = [
  'text',
  '',
  0,
  7,
  false,
  Symbol('s'),
  bare,
  Object.freeze(new Error('frozen')),
  stackless,
]
/** Node reads properties of what a stream is destroyed with, so those that throw are for handlers. */
const hostile = new Proxy(
  {},
  { get: () => assert.fail('get'), has: () => assert.fail('has'), getPrototypeOf: () => assert.fail('of') },
)
const thrown: readonly unknown[] = [
  ...values,
  null,
  undefined,
  hostile,
  Object.assign(new Error(), { message: Symbol('m') }),
]

/** How it ends, whatever it ends with. */
async function end(ending: Promise<unknown>): Promise<unknown> {
  return ending.then(
    () => 'resolved',
    (error: unknown) => ({ error }),
  )
}

async function emitted(stream: Duplex, error: unknown): Promise<unknown[]> {
  const errors: unknown[] = []
  stream.on('error', (each) => errors.push(each))
  Reflect.apply(stream.destroy, stream, [error])
  await closed(stream)
  await turns(2)
  return errors
}

for (const place of places) {
  describe(`any value as an error over ${place.name}`, () => {
    for (const value of values) {
      it(`ends as a PassThrough does with ${textOf(value)}`, async () => {
        const open = (): Promise<AsyncQueue> => AsyncQueue.open(place.fresh())
        const plain = (): Duplex => new PassThrough({ objectMode: true })
        const source = async function* (): AsyncGenerator<number> {
          yield 1
          await turns(2)
          throw value
        }
        const sink = (): Writable =>
          new Writable({ objectMode: true, write: (_item, _e, done) => Reflect.apply(done, undefined, [value]) })
        assert.deepEqual(await emitted(await open(), value), await emitted(plain(), value), 'destroy')
        // Falsy ones are none to Node.
        if (!value) return
        assert.deepEqual(await end(pipeline(source, await open())), await end(pipeline(source, plain())), 'a source')
        const expected = await end(pipeline(source, plain()))
        assert.deepEqual(await end(pipeline(source, (await open()).createWriteStream())), expected, 'createWriteStream')
        for (const made of ['queue', 'stream']) {
          const [queue, through] = [await open(), plain()]
          await queue.put(1)
          through.write(1)
          const reading = made === 'queue' ? queue : queue.createReadStream()
          assert.deepEqual(await end(pipeline(reading, sink())), await end(pipeline(through, sink())), made)
          await queue.close()
        }
      })
    }

    it('takes whatever a handler throws for a failed try, and goes on', async () => {
      for (const value of thrown) {
        const queue = await AsyncQueue.open<string>(place.fresh())
        await queue.putMany(['bad', 'good'])
        const handler = ([item]: string[]): void => {
          if (item === 'bad') throw value
        }
        const { acked, failed } = await queue.consume(handler, { retry: { attempts: 1 }, wait: false })
        assert.deepEqual([acked, failed], [1, 1])
        const [{ reason = '' } = {}] = await queue.list({ status: 'failed' })
        assert.equal(reason, `all 1 attempt spent: ${textOf(value)}`)
        await queue.close()
      }
    })

    it('tells of an item whose encoding throws something without a text', async () => {
      const queue = await AsyncQueue.open<unknown>(place.fresh(), { codec: 'json' })
      const item = {
        toJSON: () => {
          throw bare
        },
      }
      await assert.rejects(queue.put(item), { code: 'ERR_QUEUE_CODEC', cause: bare })
      await queue.close()
    })
  })
}

describe('textOf', () => {
  it('is a text, and never throws', () => {
    for (const value of thrown) assert.equal(typeof textOf(value), 'string')
    assert.equal(textOf(new Error('why')), 'why')
    assert.equal(textOf({ message: 'why' }), 'why')
    assert.equal(textOf(Symbol('why')), 'Symbol(why)')
  })
})
