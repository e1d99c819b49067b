// pieces.ts: what the worker thread answers, as the seam speaks of it: an item is a document of its own.

import type { Counts, Listed, Piece, Status } from '../store.ts'
import type { Mark } from './front.ts'
import { listOf } from './messages.ts'
import type { ValueOf } from './ops.ts'
import { unsealed } from './seal.ts'
import type { Answered } from './thread.ts'

export function piecesOf({ value, packed }: Answered<ValueOf<'queue.pop'>>, attemptOf: (n: number) => number): Piece[] {
  const ids = listOf(value.ids)
  const attempts = listOf(value.attempts)
  const times = listOf(value.enqueued)
  const { buffer, byteOffset, byteLength } = packed.bytes
  const all = Buffer.from(buffer, byteOffset, byteLength)
  let end = 0
  return packed.lengths.map((length, i) => {
    end += length
    return {
      firstId: ids[i] ?? 0,
      count: 1,
      document: { bytes: unsealed(all, end - length, end), count: 1 },
      skip: 0,
      attempt: attemptOf(attempts[i] ?? 0),
      enqueuedAt: times[i] ?? 0,
      ...markOf(value.marks?.[i]),
    }
  })
}

function markOf(mark: Mark | undefined): Pick<Piece, 'priority' | 'key'> | undefined {
  return mark && { priority: mark.priority ?? undefined, key: mark.key ?? undefined }
}

export function listedOf(answered: Answered<ValueOf<'queue.list'>>, status: Status): Listed[] {
  const { reasons, priorities } = answered.value
  return piecesOf(answered, (attempt) => attempt).map((piece, i) => {
    return { piece, status, reason: reasons[i], priority: priorities[i] }
  })
}

export function countsOf(value: Omit<ValueOf<'queue.counts'>, 'dueInMs'>): Counts {
  const { ready, delayed, flying: inFlight, failed, acked } = value
  return { ready, delayed, inFlight, failed, acked }
}
