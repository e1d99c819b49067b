// pieces.ts: what the worker thread answers, as the seam speaks of it: an item is a document of its own.

import type { Counts, Listed, Piece, Status } from '../store.ts'
import type { ValueOf } from './ops.ts'
import { unsealed } from './seal.ts'
import type { Answered } from './thread.ts'

const NOTHING = new Uint8Array(0)

export function piecesOf({ value, blobs }: Answered<ValueOf<'queue.pop'>>, attemptOf: (n: number) => number): Piece[] {
  const { ids, attempts, enqueued } = value
  return ids.map((firstId, i) => ({
    firstId,
    count: 1,
    document: { bytes: unsealed(blobs[i] ?? NOTHING), count: 1 },
    skip: 0,
    attempt: attemptOf(attempts[i] ?? 0),
    enqueuedAt: enqueued[i] ?? 0,
  }))
}

export function listedOf(answered: Answered<ValueOf<'queue.list'>>, status: Status): Listed[] {
  const { reasons, priorities } = answered.value
  return piecesOf(answered, (attempt) => attempt).map((piece, i) => {
    return { piece, status, reason: reasons[i], priority: priorities[i] }
  })
}

export function countsOf({ ready, delayed, flying: inFlight, failed, acked }: ValueOf<'queue.counts'>): Counts {
  return { ready, delayed, inFlight, failed, acked }
}
