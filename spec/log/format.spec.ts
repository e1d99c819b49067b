import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { AsyncQueue } from '../../lib/index.ts'
import { readQueue } from './format-reader.ts'

interface Numbered {
  readonly n: number
}

const numbered = (from: number, to: number): Numbered[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({ n: from + i }))

describe('a reader made from docs/format.md', () => {
  for (const durability of ['disk', 'os'] as const) {
    it(`reads what a queue with durability '${durability}' wrote`, async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'spoolq-format-'))
      t.after(() => rmSync(folder, { recursive: true, force: true }))
      await using queue = await AsyncQueue.open<Numbered>(folder, { codec: 'json', durability, segmentSize: 4096 })
      await queue.putMany(numbered(1, 600))
      for (const item of numbered(601, 650)) await queue.put(item)
      await queue.pop(100)
      for await (const { n } of queue) if (n === 320) break
      await queue.put({ n: 651 })
      await queue.flush()
      await queue.close()
      const found = readQueue(folder)
      assert.deepEqual(
        found.map(({ item }) => item),
        numbered(320, 651),
      )
      assert.deepEqual(
        found.map(({ id }) => id),
        numbered(320, 651).map(({ n }) => n),
      )
      for (const { time } of found) assert.ok(Math.abs(Date.now() - time) < 600_000)
    })
  }
})
