// asides.ts: what a pop sets aside because it doesn't decode comes back as what it was, once it is tried again.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fresh, type MakePlace } from './place.ts'

export function asides(place: MakePlace): void {
  for (const many of [1, 9]) {
    it(`keeps the priority of what does not decode when ${many} are popped, through failure and retry`, async () => {
      const codec = breaking()
      const queue = await fresh<string>(place, { order: 'priority', codec })
      for (const [item, priority] of [
        ['c', 3],
        ['bad', 2],
        ['a', 1],
        ['bad too', -0.5],
      ] as const) {
        await queue.put(item, { priority })
      }
      codec.isBroken = true
      const popped = await queue.pop(many)
      codec.isBroken = false
      assert.deepEqual(popped, many === 1 ? ['a'] : ['a', 'c'])
      await queue.put('d', { priority: 2.5 })
      assert.equal(await queue.retry(), many === 1 ? 1 : 2)
      assert.deepEqual(await queue.pop(9), many === 1 ? ['bad too', 'bad', 'd', 'c'] : ['bad too', 'bad', 'd'])
    })

    it(`ignores the equals of what did not decode when ${many} were popped, once it is tried again`, async () => {
      const codec = breaking()
      const queue = await fresh<string>(place, { unique: true, codec })
      await queue.putMany(['bad', 'a'])
      codec.isBroken = true
      assert.deepEqual(await queue.pop(many), ['a'])
      codec.isBroken = false
      assert.equal(await queue.put('bad'), 3)
      assert.equal(await queue.retry(), 0)
      assert.equal(await queue.pop(), 'bad')
      assert.equal(await queue.retry(), 1)
      assert.equal(await queue.put('bad'), undefined)
      assert.deepEqual(await queue.pop(9), ['bad'])
    })
  }
}

function breaking() {
  const codec = {
    name: 'breaking',
    isBroken: false,
    encode: (item: string) => Buffer.from(item),
    decode: (bytes: Uint8Array) => {
      const item = Buffer.from(bytes).toString()
      if (codec.isBroken && item.startsWith('bad')) throw new Error('not today')
      return item
    },
  }
  return codec
}
