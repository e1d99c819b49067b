import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Putting } from '../../lib/consume/putting.ts'
import { CodecError, StorageError } from '../../lib/errors.ts'
import { AsyncQueue } from '../../lib/index.ts'
import type { Document } from '../../lib/store.ts'
import { Script } from './scripted-store.ts'

interface Rig {
  readonly script: Script
  readonly putting: Putting<unknown>
  /** How many items each append had. */
  readonly appends: number[]
}

async function rig(failing?: Error): Promise<Rig> {
  const script = await Script.with(0)
  const appends: number[] = []
  const append = script.store.append.bind(script.store)
  script.store.append = async (documents: readonly Document[], options) => {
    appends.push(documents.reduce((sum, { count }) => sum + count, 0))
    if (failing !== undefined) throw failing
    return append(documents, options)
  }
  return { script, putting: new Putting(script.core), appends }
}

async function items({ script }: Rig): Promise<unknown[]> {
  const reader = script.core.reader()
  return (await script.store.pop(10_000)).flatMap((piece) => reader.take(piece).items)
}

describe('the queue, putting items one by one in one turn,', () => {
  it('come together round by round where many producers each await their own', async () => {
    const each = await rig()
    const producer = async (): Promise<void> => {
      for (let n = 0; n < 5; n++) await each.putting.one(n)
    }
    await Promise.all(Array.from({ length: 8 }, producer))
    assert.deepEqual(each.appends, [8, 8, 8, 8, 8])
  })

  it('appends them once, and gives each its own id', async () => {
    const one = await rig()
    const ids = await Promise.all(Array.from({ length: 300 }, (_, i) => one.putting.one(`item ${i}`)))
    assert.deepEqual(one.appends, [300])
    assert.deepEqual(
      ids,
      Array.from({ length: 300 }, (_, i) => i + 1),
    )
    assert.equal(one.script.core.tally.put, 300)
    assert.deepEqual(
      await items(one),
      ids.map((id) => `item ${id - 1}`),
    )
  })

  it('keeps the order of the calls, whatever else is put between them', async () => {
    const one = await rig()
    const { putting } = one
    const puts = [
      putting.one('a'),
      putting.one('b'),
      putting.many(['c', 'd']),
      putting.one('e', { delay: 0 }),
      putting.one('f'),
      putting.many([]),
      putting.one('g'),
    ]
    assert.deepEqual(await Promise.all(puts), [1, 2, [3, 4], 5, 6, [], 7])
    assert.deepEqual(await items(one), [...'abcdefg'])
  })

  it('refuses one that can not be encoded, and puts the others', async () => {
    const one = await rig()
    const { putting } = one
    const first = putting.one('a')
    assert.throws(() => putting.one(10n), CodecError)
    assert.deepEqual(await Promise.all([first, putting.one('b')]), [1, 2])
    assert.throws(() => putting.one(10n), CodecError)
    await Promise.resolve()
    assert.deepEqual(one.appends, [2])
    assert.deepEqual(await items(one), ['a', 'b'])
  })

  it('takes those first that come to a good write, and the others behind them', async () => {
    const one = await rig()
    const large = 'x'.repeat(100_000)
    const ids = await Promise.all(Array.from({ length: 7 }, () => one.putting.one(large)))
    assert.deepEqual(ids, [1, 2, 3, 4, 5, 6, 7])
    assert.deepEqual(one.appends, [3, 3, 1])
  })

  it('tells all of them where they can not be written', async () => {
    const failure = new StorageError('the disk is on fire')
    const one = await rig(failure)
    const outcomes = await Promise.allSettled([1, 2, 3].map((item) => one.putting.one(item)))
    assert.ok(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason === failure))
    assert.equal(one.script.core.tally.put, 0)
  })

  it('puts what is put while an item is encoded', async () => {
    await using queue = await AsyncQueue.open<unknown>('memory:')
    const inner: Promise<number | undefined>[] = []
    const toJSON = (): string => `outer ${inner.push(queue.put('inner'))}`
    const outer = new (class {
      toJSON = toJSON
    })()
    const items = ['a', outer, 'b', 'c', 'd', outer, { toJSON }, 'e']
    const ids = items.map((item) => queue.put(item))
    assert.deepEqual(await Promise.all(ids), [1, 2, 3, 4, 5, 6, 7, 8])
    assert.deepEqual(await Promise.all(inner), [9, 10, 11])
    const expected = ['a', 'outer 1', 'b', 'c', 'd', 'outer 2', 'outer 3', 'e', 'inner', 'inner', 'inner']
    assert.deepEqual(await queue.pop(20), expected)
  })
})
