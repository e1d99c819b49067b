import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, it } from 'node:test'
import { AsyncQueue, type QueueOptions, UnsupportedError } from '../lib/index.ts'
import { defaults, settingsOf } from '../lib/options.ts'

const codec = { name: 'mine', encode: () => new Uint8Array(), decode: () => 1 }

const accepted: readonly object[] = [
  {},
  { codec: 'json' },
  { codec },
  { codec: { ...codec, encodeBatch: () => new Uint8Array(), decodeBatch: () => [] } },
  { durability: 'os' },
  { durability: { interval: 0 } },
  { durability: { interval: 100 } },
  { maxSize: 1 },
  { maxSize: Infinity },
  { whenFull: 'reject' },
  { flushLimit: 0 },
  { flushLimit: Infinity },
  { segmentSize: 4096 },
  { onDamage: 'fail' },
  { highWaterMark: 0 },
  { signal: new AbortController().signal },
  { whenFull: 'drop-oldest' },
  { maxAttempts: 3, leaseTimeout: 1000, keepAcked: 10, autoResume: false },
  // What happens anyway may be said.
  { maxBytes: Infinity, order: 'fifo', unique: false, maxAttempts: Infinity, keepAcked: 0, autoResume: true },
  { leaseTimeout: undefined, maxBytes: undefined, codec: undefined },
]

const wrongTypes: readonly object[] = [
  { colour: 'red' },
  { toString: 1 },
  { codec: 'xml' },
  { codec: null },
  { codec: {} },
  { codec: { ...codec, name: '' } },
  { codec: { ...codec, encodeBatch: () => new Uint8Array() } },
  { codec: { ...codec, name: 'json' } },
  { durability: 'tape' },
  { durability: null },
  { durability: {} },
  { durability: { interval: '1' } },
  { durability: { interval: 1, more: 1 } },
  { maxSize: '5' },
  { maxSize: null },
  { maxBytes: '5' },
  { whenFull: 'drop' },
  { flushLimit: true },
  { segmentSize: '1' },
  { order: 'random' },
  { unique: 'yes' },
  { maxAttempts: '1' },
  { leaseTimeout: '1' },
  { onDamage: 'ignore' },
  { keepAcked: '1' },
  { autoResume: 1 },
  { highWaterMark: '1' },
  { signal: new AbortController() },
]

const outOfRange: readonly object[] = [
  { durability: { interval: -1 } },
  { durability: { interval: Number.NaN } },
  { maxSize: 0 },
  { maxSize: -1 },
  { maxSize: 1.5 },
  { maxSize: Number.NaN },
  { maxBytes: 0 },
  { maxBytes: -1 },
  { flushLimit: -1 },
  { segmentSize: 0 },
  { segmentSize: -1 },
  { maxAttempts: 0 },
  { leaseTimeout: -1 },
  { leaseTimeout: 0 },
  { keepAcked: -1 },
  { highWaterMark: -1 },
  { highWaterMark: Infinity },
]

const needIndex: readonly QueueOptions[] = [
  { order: 'lifo' },
  { order: 'priority' },
  { unique: true },
  { unique: () => 'key' },
]

describe('the queue, by its options,', () => {
  for (const options of accepted) it(`takes ${told(options)}`, () => assert.ok(settingsOf(options)))

  for (const options of wrongTypes) {
    it(`refuses ${told(options)} with a TypeError`, () => assert.throws(() => settingsOf(options), TypeError))
  }

  for (const options of outOfRange) {
    it(`refuses ${told(options)} with a RangeError`, () => assert.throws(() => settingsOf(options), RangeError))
  }

  for (const options of needIndex) {
    it(`takes ${told(options)}, but for a log, which refuses it at once, names stores that can, and makes nothing`, async () => {
      assert.ok(settingsOf(options))
      const refused = (error: unknown): boolean => {
        return error instanceof UnsupportedError && /sqlite:, mysql: and memory:/.test(error.message)
      }
      assert.throws(() => new AsyncQueue('./never-made', options), refused)
      await assert.rejects(AsyncQueue.open('./never-made', options), refused)
      assert.ok(!existsSync('./never-made'))
    })
  }

  it('refuses options that are no object', () => {
    for (const options of [null, 7, 'os']) assert.throws(() => settingsOf(options as never), TypeError)
  })

  it('has the defaults of the contract, frozen', () => {
    const { durability, maxSize, whenFull, flushLimit, segmentSize, onDamage, highWaterMark } = settingsOf()
    assert.deepEqual(
      { durability, maxSize, whenFull, flushLimit, segmentSize, onDamage, highWaterMark },
      {
        durability: 'disk',
        maxSize: Infinity,
        whenFull: 'wait',
        flushLimit: 1024 * 1024,
        segmentSize: 16 * 1024 * 1024,
        onDamage: 'skip',
        highWaterMark: 16,
      },
    )
    assert.ok(Object.isFrozen(defaults))
  })

  it('tells 0 from undefined', () => {
    assert.equal(settingsOf({ flushLimit: 0 }).flushLimit, 0)
    assert.equal(settingsOf({ flushLimit: undefined }).flushLimit, 1024 * 1024)
    assert.equal(settingsOf({ highWaterMark: 0 }).highWaterMark, 0)
  })
})

function told(options: object): string {
  return JSON.stringify(options, (_, value) => {
    return typeof value === 'function' || typeof value === 'number' || value === undefined ? String(value) : value
  })
}
