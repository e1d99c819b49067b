// log-ends.spec.ts: who gets the lock learns from the one before where the log ends, and reads no frames that say only
// which items they hold; a told end that doesn't hold changes nothing.

import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { crc32 } from 'node:zlib'
import { DocumentReader } from '../../lib/log/document-reader.ts'
import { DUE, FRAME_HEADER_BYTES, writeDocuments } from '../../lib/log/frame.ts'
import type { LogEnd } from '../../lib/log/lock-line.ts'
import type { Log } from '../../lib/log/log.ts'
import type { Sharing } from '../../lib/log/log-ends.ts'
import { documentOf, LogRig, textAt } from './log-rig.ts'

/** What one handle tells the next, made wrong by the spec where it likes. */
class Told {
  wrong: (end: LogEnd) => LogEnd | undefined = (end) => end
  #teller: Sharing | undefined

  teller(log: Log): void {
    this.#teller = { end: () => undefined, toldEnd: () => undefined }
    log.ends.share(this.#teller)
  }

  hearer(log: Log): void {
    const toldEnd = (): LogEnd | undefined => {
      const end = this.#teller?.end()
      return end && this.wrong(end)
    }
    log.ends.share({ end: () => undefined, toldEnd })
  }
}

interface Pair {
  readonly rig: LogRig
  readonly one: Log
  readonly other: Log
  readonly told: Told
}

/** Two handles' logs, both of which know the first frame. */
function paired(): Pair {
  const rig = new LogRig()
  const [one, told] = [rig.log(), new Told()]
  rig.put(one, [1])
  const other = rig.log()
  told.teller(one)
  told.hearer(other)
  return { rig, one, other, told }
}

/** Bytes that it reads of its tail until it can be written to. */
function preparing(t: TestContext, log: Log): number {
  const tail = log.tail ?? assert.fail()
  const read = t.mock.method(tail.file, 'read').mock
  log.prepare()
  const bytes = read.calls.reduce((sum, { result }) => sum + (result ?? 0), 0)
  read.restore()
  return bytes
}

/** Both agree on where the log ends, and read all that was put. */
function agree({ rig, one, other }: Pair, context: string): void {
  assert.deepEqual([other.tail?.end, other.nextId], [one.tail?.end, one.nextId], context)
  rig.put(other, [2])
  one.refresh()
  for (const log of [one, other]) {
    const reader = new DocumentReader(log)
    for (const [id, text] of rig.texts) assert.equal(textAt(reader, id), text, context)
  }
}

function fill({ rig, one }: Pair, frames: number): void {
  for (let frame = 0; frame < frames; frame += 1) rig.put(one, [3, 1], 100)
}

describe('where the log ends', () => {
  it('is learned without reading the frames of others', (t) => {
    const pair = paired()
    fill(pair, 200)
    const bytes = preparing(t, pair.other)
    assert.ok(bytes < 2048, `${bytes} bytes read`)
    agree(pair, 'many')
    fill(pair, 2)
    assert.ok(preparing(t, pair.other) > 500, 'what is near is read at once')
    agree(pair, 'few')
  })

  it('is read where a frame says more than which items it holds', (t) => {
    const pair = paired()
    fill(pair, 50)
    const { one, rig } = pair
    const documents = [documentOf(['later'])]
    const bytes = one.windows.reserve(FRAME_HEADER_BYTES + 40)
    const tail = one.prepare()
    // Due at 99, with no attempt before.
    bytes.set([99, 0], FRAME_HEADER_BYTES)
    const length = writeDocuments(bytes, FRAME_HEADER_BYTES + 2, documents)
    const body = bytes.subarray(0, length)
    one.write(tail, { bytes: body, bodyCrc: crc32(body.subarray(FRAME_HEADER_BYTES)), count: 1, flags: DUE })
    rig.texts.set(one.nextId - 1, 'later')
    fill(pair, 50)
    const before = pair.other.unrecorded.length
    preparing(t, pair.other)
    assert.equal(pair.other.unrecorded.length, before + 1, 'the delayed frame is known')
    agree(pair, 'delayed')
  })

  it('is read where what was told does not hold', (t) => {
    const wrongs: readonly ((end: LogEnd) => LogEnd | undefined)[] = [
      () => undefined,
      (end) => ({ ...end, base: end.base + 1 }),
      (end) => ({ ...end, end: end.end - 1 }),
      (end) => ({ ...end, end: end.end + 40 }),
      (end) => ({ ...end, last: end.last + 8 }),
      (end) => ({ ...end, last: 0 }),
      (end) => ({ ...end, nextId: end.nextId + 1 }),
      (end) => ({ ...end, nextId: 2 ** 60, end: 2 ** 60, last: 2 ** 60 - 100 }),
      (end) => ({ ...end, plainFrom: end.end }),
    ]
    for (const [index, wrong] of wrongs.entries()) {
      const pair = paired()
      pair.told.wrong = wrong
      fill(pair, 200)
      const bytes = preparing(t, pair.other)
      assert.ok(bytes > 50_000, `${index}: ${bytes} bytes read`)
      agree(pair, `wrong ${index}`)
    }
  })
})
