// What a store reads at once: no more than it was told, and one entry at least.

import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { MapStore, MapStoreOptions, PageOptions } from '../../lib/map-store.ts'
import { MemoryMap } from '../../lib/memory/memory-map.ts'
import { SqliteMap } from '../../lib/sqlite/sqlite-map.ts'

const options: MapStoreOptions = { durability: 'os', codec: 'raw', flushLimit: Infinity }
const stores: Readonly<Record<string, () => Promise<MapStore>>> = {
  memory: () => MemoryMap.open('', 'map', options),
  sqlite: () => SqliteMap.open(':memory:', 'map', options),
}

for (const [name, open] of Object.entries(stores)) {
  describe(`${name}: a page of a map`, async () => {
    const store = await open()
    for (let n = 1; n <= 30; n += 1) await store.set(`key ${n}`, Buffer.alloc(n % 10 === 0 ? 5000 : 100, n))
    await store.delete('key 3')
    const keys = async (page: Partial<PageOptions>): Promise<(string | number | undefined)[][]> => {
      const all = await store.page({ after: 0, entries: 100, bytes: 1e6, values: true, ...page })
      return all.map(({ key, bytes }) => [key, bytes?.length])
    }
    after(() => store.close())

    it('holds as many entries as it may, by place', async () => {
      assert.deepEqual(await keys({ entries: 3 }), [
        ['key 1', 100],
        ['key 2', 100],
        ['key 4', 100],
      ])
      assert.deepEqual((await keys({ after: 28 })).length, 2)
      assert.deepEqual(await keys({ after: 30 }), [])
    })

    it('holds no more bytes than it may, but for a single entry', async () => {
      assert.deepEqual(
        (await keys({ after: 3, bytes: 320 })).map(([key]) => key),
        ['key 4', 'key 5', 'key 6'],
      )
      assert.deepEqual(await keys({ after: 9, bytes: 320 }), [['key 10', 5000]])
      assert.deepEqual(await keys({ after: 8, bytes: 320 }), [['key 9', 100]])
    })

    it('counts values only where it holds them', async () => {
      const some = await store.page({ after: 8, entries: 4, bytes: 30, values: false })
      assert.deepEqual(
        some.map(({ key, place }) => [key, place]),
        [
          ['key 9', 9],
          ['key 10', 10],
          ['key 11', 11],
          ['key 12', 12],
        ],
      )
    })
  })
}
