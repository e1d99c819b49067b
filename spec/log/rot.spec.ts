// rot.spec.ts: a bit rots, whichever way the queue ended: what it cost is told, to the exact item, but for what was never
// known to be durable and the machine went down since, or what stood at the very end. Where nothing rotted nothing is told.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LogStore } from '../../lib/log/log-store.ts'
import type { RecordingDisk } from '../crash/recording-disk.ts'
import { CHECK, counting } from '../layers.ts'
import { flip } from './bits.ts'
import { DURABILITIES, diskOf, ENDS, type EndedQueue, endedQueues, type FoundFrame, isBefore } from './ended-queues.ts'
import { popped, QueueRig } from './queue-rig.ts'

/** Every so many bits; of headers, of which one copy does, eight times as many. */
const STEP = CHECK ? 3 : 1801
const SHOWN = 10

interface Rotten {
  readonly path: string
  readonly bit: number
  readonly hit: FoundFrame | undefined
}

function* rot(queue: EndedQueue): Generator<Rotten> {
  const disk = diskOf(queue)
  for (const path of disk.paths().filter((path) => /^\/q\/\d+\.\d\.log$/.test(path))) {
    const bits = disk.bytesOf(path).length * 8
    for (let bit = 0; bit < bits; bit += bit < 1024 * 8 ? STEP * 8 : STEP) {
      const at = bit >>> 3
      const hit = queue.frames.find((frame) => frame.path === path && frame.offset <= at && at < frame.next)
      yield { path, bit, hit }
    }
  }
}

async function drained(store: LogStore): Promise<number[]> {
  const ids: number[] = []
  for (let some = await popped(store, 1000); some.length > 0; some = await popped(store, 1000)) {
    ids.push(...some.map(([id]) => id))
  }
  return ids
}

/** Items that the disk gives, and what is told; rotten from the beginning, or once it is open. */
async function read(disk: RecordingDisk, { end }: EndedQueue, rotten: Rotten | undefined) {
  const rig = new QueueRig(disk, 7)
  if (rotten && end !== 'still open') flip(disk, rotten.path, rotten.bit)
  const store = await rig.open({ limits: { readBytes: 1024 } })
  if (rotten && end === 'still open') flip(disk, rotten.path, rotten.bit)
  const ids = await drained(store)
  const { lost } = await store.stats()
  await store.close()
  const told = rig.corruptions.reduce((sum, report) => sum + report.lost, 0)
  assert.deepEqual(rig.failures, [])
  return { ids, lost, told, corruptions: rig.corruptions.length }
}

/** It may be gone without a word: who died, or the power cut, may have left it half written. */
function mayBeSilent({ end, frames, known }: EndedQueue, hit: FoundFrame): boolean {
  if (isBefore({ segment: hit.base, offset: hit.offset }, known)) return false
  if (end === 'cut off') return true
  const last = frames.reduce((one, other) => (other.from > one.from ? other : one))
  return end === 'killed' && hit === last
}

async function tryOne(queue: EndedQueue, rotten: Rotten, expected: readonly number[]): Promise<string | undefined> {
  const { hit } = rotten
  const { ids, lost, told } = await read(diskOf(queue), queue, rotten)
  const missing = expected.filter((id) => !ids.includes(id))
  const wanted = expected.filter((id) => hit && hit.from <= id && id <= hit.to)
  const where = `${queue.name}: bit ${rotten.bit} of ${rotten.path}`
  if (ids.some((id) => !expected.includes(id))) return `${where}: gives ${ids}`
  // What is in memory already, or stands in a frame that nothing was wanted of, costs nothing.
  const isRight = missing.join() === wanted.join() || (queue.end === 'still open' && missing.length === 0)
  if (!isRight) return `${where}: ${missing} are missing, and ${wanted} were hit`
  if (lost !== told) return `${where}: ${lost} are counted, ${told} told`
  if (told === missing.length || (told === 0 && hit && mayBeSilent(queue, hit))) return
  return `${where}: ${missing} are missing, ${told} are told`
}

describe('a queue in which a bit rots', () => {
  for (const end of ENDS) {
    it(`tells exactly what that cost where it was ${end}, and nothing where nothing rots`, async (t) => {
      const counted = counting(t, 'flips after every end')
      const wrong: string[] = []
      let tried = 0
      let silent = 0
      for (const durability of DURABILITIES) {
        for (const queue of await endedQueues(end, durability)) {
          const intact = await read(diskOf(queue), queue, undefined)
          assert.deepEqual([intact.lost, intact.corruptions], [0, 0], queue.name)
          for (const rotten of rot(queue)) {
            const said = await tryOne(queue, rotten, intact.ids)
            if (said) wrong.push(said)
            if (rotten.hit && mayBeSilent(queue, rotten.hit)) silent++
            tried++
          }
        }
      }
      t.diagnostic(`${tried} bits, of which ${silent} may cost something without a word`)
      assert.equal(wrong.length, 0, `${wrong.length} of ${tried} are wrong:\n${wrong.slice(0, SHOWN).join('\n')}`)
      counted(tried)
    })
  }
})
