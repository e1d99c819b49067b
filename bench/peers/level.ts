// level.ts: classic-level, keys of six bytes in order, a batch a write, `sync: true` beside 'disk', and a pointer to the
// head: without it each take walks over what was removed before.

import { join } from 'node:path'
import { asyncTasks, type Contender, type Place } from '../contender.ts'
import type { Item } from '../items.ts'
import { load } from './find.ts'

interface Operation {
  readonly type: 'put' | 'del'
  readonly key: Buffer
  readonly value?: Item
}

interface Level {
  open(): Promise<void>
  put(key: Buffer, value: Item, options: { sync: boolean }): Promise<void>
  batch(operations: readonly Operation[], options: { sync: boolean }): Promise<void>
  iterator(range: { gt: Buffer; limit: number }): { all(): Promise<[Buffer, Item][]> }
  close(): Promise<void>
}

function keyOf(number: number): Buffer {
  const key = Buffer.allocUnsafe(6)
  key.writeUIntBE(number, 0, 6)
  return key
}

function tasksOf(level: Level, sync: boolean) {
  let head = keyOf(0)
  let tail = 0
  const popMany = async (count: number): Promise<Item[]> => {
    const entries = await level.iterator({ gt: head, limit: count }).all()
    await level.batch(
      entries.map(([key]) => ({ type: 'del', key })),
      { sync },
    )
    head = entries.at(-1)?.[0] ?? head
    return entries.map(([, item]) => item)
  }
  return asyncTasks({
    put: (item) => level.put(keyOf(++tail), item, { sync }),
    putMany: (items) =>
      level.batch(
        items.map((value) => ({ type: 'put', key: keyOf(++tail), value })),
        { sync },
      ),
    pop: async () => (await popMany(1))[0],
    popMany,
  })
}

export const level: Contender = {
  name: 'classic-level',
  kind: 'peer',
  async open({ folder, durability, payload, warming }: Place) {
    const { ClassicLevel }: { ClassicLevel: new (path: string, options: object) => Level } = load('classic-level')
    const valueEncoding = payload === 'M' ? 'buffer' : 'json'
    const opened = new ClassicLevel(join(folder, 'level'), { keyEncoding: 'buffer', valueEncoding })
    await opened.open()
    return { tasks: tasksOf(opened, durability === 'disk' && !warming), close: () => opened.close() }
  },
}
