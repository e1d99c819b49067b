// records.ts: records of the cursor's journal by chance.

import fc from 'fast-check'
import { ByteWriter } from '../../lib/log/bytes.ts'
import { type CursorRecord, decodeRecord, encodeRecord } from '../../lib/log/record.ts'
import type { IdRange } from '../../lib/store.ts'

/** How large the numbers of a record may be. */
export interface Sizes {
  readonly ids: fc.Arbitrary<readonly IdRange[]>
  readonly number: fc.Arbitrary<number>
}

/** Sorted ranges with room between them. */
export function rangesBelow(last: number, maxLength: number): fc.Arbitrary<readonly IdRange[]> {
  const bounds = fc.uniqueArray(fc.integer({ min: 1, max: last }), { maxLength: maxLength * 2, size: 'max' })
  return bounds.map((numbers) => {
    const sorted = numbers.sort((one, other) => one - other)
    const ranges: IdRange[] = []
    for (let index = 0; index + 1 < sorted.length; index += 2) {
      ranges.push({ from: sorted[index] ?? 0, to: sorted[index + 1] ?? 0 })
    }
    return ranges
  })
}

/** Numbers of every length that a varint may have. */
export const anyNumber = fc.tuple(fc.maxSafeNat(), fc.nat(53)).map(([value, bits]) => Math.floor(value / 2 ** bits))

const WIDE: Sizes = { ids: rangesBelow(Number.MAX_SAFE_INTEGER, 12), number: anyNumber }

export function anyRecord({ ids, number }: Sizes = WIDE): fc.Arbitrary<CursorRecord> {
  const flag = fc.nat(1)
  const plain = { noNullPrototype: true } as const
  return fc.oneof(
    fc.record({ kind: kind('took'), owner: number, deadline: number, mode: flag, ids }, plain),
    fc.record({ kind: kind('settled'), ids }, plain),
    fc.record({ kind: kind('back'), counted: flag, due: number, ids }, plain),
    fc.record({ kind: kind('failed'), segment: number, offset: number, attempt: number, ids: ids.map(few) }, plain),
    fc.record({ kind: kind('gone'), why: fc.nat(2), ids }, plain),
    fc.tuple(number, number, number).map(syncedOf),
    fc.record(
      { kind: kind('joined'), owner: number, place: fc.record({ boot: number, device: number, inode: number }, plain) },
      plain,
    ),
    fc.record({ kind: kind('left'), owner: number, counted: flag, ids }, plain),
    fc.record({ kind: kind('acked'), keep: number, ids }, plain),
    fc.record({ kind: kind('extended'), deadline: number, ids }, plain),
    fc.record({ kind: kind('durable') }, plain),
    fc.record({ kind: kind('followed') }, plain),
    fc.record({ kind: kind('due'), due: number, attempt: number, ids }, plain),
    fc.record({ kind: kind('restored'), ids }, plain),
    fc.record({ kind: kind('unfailed'), ids }, plain),
  )
}

/** No more than a document holds. */
function few(ranges: readonly IdRange[]): readonly IdRange[] {
  return ranges.map(({ from, to }) => ({ from, to: from + ((to - from) % 20) }))
}

/** No more ids than a segment has. */
function syncedOf([segment, offset, ids]: readonly [number, number, number]): CursorRecord {
  const nextId = Math.min(segment + (ids % 2 ** 33), Number.MAX_SAFE_INTEGER)
  return { kind: 'synced', segment, offset, nextId }
}

function kind<K extends CursorRecord['kind']>(name: K): fc.Arbitrary<K> {
  return fc.constant(name)
}

/** What happens to a queue of a few items, in any order, sensible or not. */
export const smallRecord = anyRecord({ ids: rangesBelow(40, 3), number: fc.nat(5) })

export interface Chain {
  readonly seed: number
  readonly salt: number
}

export function encodeAll(records: readonly CursorRecord[], { seed, salt }: Chain): Buffer {
  const writer = new ByteWriter()
  let next = seed
  for (const record of records) next = encodeRecord(record, writer, next, salt)
  return Buffer.from(writer.bytes())
}

/** The records up to the first that doesn't hold. */
export function decodeAll(bytes: Uint8Array, { seed, salt }: Chain): CursorRecord[] {
  const records: CursorRecord[] = []
  let at = 0
  let crc = seed
  for (let found = decodeRecord(bytes, at, crc, salt); found; found = decodeRecord(bytes, at, crc, salt)) {
    records.push(found.record)
    at = found.next
    crc = found.crc
  }
  return records
}
