// putting.ts: batches into a store.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ack, type MakePlace, told, words } from './words.ts'

export function putting(place: MakePlace): void {
  it('gives ids from 1 on, one by one, over documents and batches', async () => {
    const store = await (await place()).open()
    assert.equal(await store.append([words('a')]), 1)
    assert.equal(await store.append([words('b', 'c'), words('d')]), 2)
    assert.equal(await store.append([words('e')]), 5)
    assert.deepEqual(told(await store.peek(9)), ['1 a', '2 b', '3 c', '4 d', '5 e'])
  })

  it('gives ids in the order of the calls', async () => {
    const store = await (await place()).open()
    const ids = await Promise.all(Array.from({ length: 100 }, (_, i) => store.append([words(`w${i}`)])))
    assert.deepEqual(
      ids,
      Array.from({ length: 100 }, (_, i) => i + 1),
    )
    const texts = Array.from({ length: 100 }, (_, i) => `${i + 1} w${i}`)
    assert.deepEqual(told(await store.pop(100)), texts)
  })

  it('refuses a batch for which the bound leaves no room, and takes one that just fits', async () => {
    const store = await (await place()).open()
    const bound = { items: 3 }
    assert.equal(await store.append([words('a', 'b')], { bound }), 1)
    assert.equal(await store.append([words('c', 'd')], { bound }), undefined)
    assert.equal(await store.append([words('c')], { bound }), 3)
    assert.equal(await store.append([words('d')], { bound }), undefined)
    await store.pop(1)
    assert.equal(await store.append([words('d')], { bound }), 4)
  })

  it('counts what is in flight against the bound, and not what is settled', async () => {
    const store = await (await place()).open()
    const bound = { items: 1 }
    await store.append([words('a')], { bound })
    await store.lease(1)
    assert.equal(await store.append([words('b')], { bound }), undefined)
    await store.settle([ack(1)])
    assert.equal(await store.append([words('b')], { bound }), 2)
  })
}
