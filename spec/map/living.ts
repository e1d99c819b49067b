// living.ts: opening, closing, failing: what each method does meanwhile and afterwards.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { CodecMismatchError, PersistentMap, QueueClosedError } from '../../lib/index.ts'
import { turns } from '../queue/place.ts'
import { collect, fresh, type MakePlace } from './suite.ts'

type Call = (map: PersistentMap<number>) => Promise<unknown>

/** Every method, and what it resolves to on a map that holds a: 1, b: 2. */
export const methods: Readonly<Record<string, readonly [Call, unknown]>> = {
  get: [(map) => map.get('a'), 1],
  has: [(map) => map.has('b'), true],
  set: [(map) => map.set('c', 3), undefined],
  update: [(map) => map.update('b', (n = 0) => n + 1), 3],
  delete: [(map) => map.delete('a'), true],
  clear: [(map) => map.clear(), 2],
  size: [(map) => map.size(), 2],
  keys: [(map) => map.keys().next(), { value: 'a', done: false }],
  values: [(map) => map.values().next(), { value: 1, done: false }],
  entries: [(map) => map.entries().next(), { value: ['a', 1], done: false }],
  asyncIterator: [(map) => map[Symbol.asyncIterator]().next(), { value: ['a', 1], done: false }],
}

async function fill(map: PersistentMap<number>): Promise<PersistentMap<number>> {
  await map.set('a', 1)
  await map.set('b', 2)
  return map
}

export function living(place: MakePlace): void {
  it('has no other methods than those that are tried here', () => {
    const tried = [...Object.keys(methods), 'constructor', 'close'].filter((name) => name !== 'asyncIterator')
    assert.deepEqual(Object.getOwnPropertyNames(PersistentMap.prototype).sort(), tried.sort())
  })

  it('answers each method while it is open, and as well when it was called while opening', async () => {
    for (const [name, [call, expected]] of Object.entries(methods)) {
      const where = await place()
      await (await fill(await where.open<number>())).close()
      const opening = where.start<number>()
      assert.deepEqual(await call(opening), expected, `${name} while opening`)
      const open = await fill(await fresh<number>(place))
      assert.deepEqual(await call(open), expected, `${name} when open`)
    }
  })

  it('rejects each method with QueueClosedError from the call of close() on', async () => {
    for (const [name, [call]] of Object.entries(methods)) {
      const map = await fill(await fresh<number>(place))
      const closed = map.close()
      await assert.rejects(call(map), QueueClosedError, `${name} while closing`)
      await closed
      await assert.rejects(call(map), QueueClosedError, `${name} when closed`)
    }
  })

  it('rejects each method with the error of a failed opening', async () => {
    const where = await place()
    await (await where.open({ codec: 'v8' })).close()
    const map = where.start<number>({ codec: 'json' })
    const failure = await map.opened.catch((error: unknown) => error)
    assert.ok(failure instanceof CodecMismatchError)
    for (const [name, [call]] of Object.entries(methods)) {
      await assert.rejects(call(map), (error) => error === failure, name)
    }
    await assert.rejects(map.close(), CodecMismatchError)
    await assert.rejects(map.get('a'), CodecMismatchError)
  })

  it('is quiet about a failed opening that nobody looks at', async () => {
    const where = await place()
    await (await where.open({ codec: 'v8' })).close()
    where.start({ codec: 'json' })
    await turns()
  })

  it('lets what is under way finish when it closes, also what waits for the opening', async () => {
    const where = await place()
    const opening = where.start<number>()
    const early = [opening.set('a', 1), opening.update('a', (n = 0) => n + 1)]
    await opening.close()
    assert.deepEqual(await Promise.all(early), [undefined, 2])
    const map = await where.open<number>()
    const late = [
      map.set('b', 1),
      map.delete('a'),
      map.update('b', (n = 0) => n + 1),
      map.update('b', (n = 0) => n + 1),
    ]
    await map.close()
    assert.deepEqual(await Promise.all(late), [undefined, true, 2, 3])
    assert.deepEqual(await collect(await where.open<number>()), [['b', 3]])
  })

  it('never ends a walk as if it had come to the end, when it closes', async () => {
    const map = await fill(await fresh<number>(place))
    const keys = map.keys()
    await keys.next()
    await map.close()
    await assert.rejects(keys.next(), QueueClosedError)
    await assert.rejects(collect(map.keys()), QueueClosedError)
  })

  it('closes once, however often it is told to, and at the end of its scope', async () => {
    const where = await place()
    const map = await where.open()
    await Promise.all([map.close(), map.close()])
    await map.close()
    const scoped = await where.open()
    await scoped[Symbol.asyncDispose]()
    await assert.rejects(scoped.size(), QueueClosedError)
  })

  it('resolves opened to itself', async () => {
    const map = (await place()).start()
    assert.equal(await map.opened, map)
  })

  it('rejects and throws for wrong options', async () => {
    const { location } = await place()
    for (const options of [{ codec: 'xml' }, { durability: 'maybe' }, { maxSize: 1 }, { signal: {} }, 7]) {
      await assert.rejects(PersistentMap.open(location, options as object), TypeError, JSON.stringify(options))
    }
    await assert.rejects(PersistentMap.open(location, { durability: { interval: -1 } }), RangeError)
    assert.throws(() => new PersistentMap(location, { colour: 'red' } as object), TypeError)
    const reason = new Error('enough')
    await assert.rejects(PersistentMap.open(location, { signal: AbortSignal.abort(reason) }), reason)
  })

  it('keeps what it was told under each durability', async () => {
    for (const durability of ['disk', 'os', { interval: 5 }] as const) {
      const where = await place()
      await (await fill(await where.open<number>({ durability }))).close()
      assert.deepEqual(await collect((await where.open<number>()).keys()), ['a', 'b'])
    }
  })
}
