// op.ts: what the worker thread can be asked for. An op gets its arguments and its bytes, works on the connection
// inside a transaction that others may share, and answers with a value and bytes. What it throws undoes what it did,
// and nothing else. Most take and give their bytes as blobs; those that have to do with many at a time leave them packed.

import type { Connection } from './connection.ts'
import { type Packed, pack, unpack } from './messages.ts'

export interface Answer<V> {
  readonly value: V
  readonly blobs?: readonly Uint8Array[]
}

export interface PackedAnswer<V> {
  readonly value: V
  readonly packed?: Packed
}

export interface Op<A, V> {
  /** 'alone': outside any transaction, after all that was asked for before. */
  readonly kind: 'read' | 'write' | 'alone'
  /** It throws, if at all, before it has changed anything. */
  readonly isWhole: boolean
  readonly run: (connection: Connection, args: A, packed: Packed) => PackedAnswer<V>
}

export type Run<A, V> = (connection: Connection, args: A, blobs: readonly Uint8Array[]) => Answer<V>

/** It changes nothing. */
export function reading<A, V>(run: Run<A, V>): Op<A, V> {
  return { kind: 'read', isWhole: true, run: unpacking(run) }
}

export function writing<A, V>(run: Run<A, V>, { isWhole = false } = {}): Op<A, V> {
  return { kind: 'write', isWhole, run: unpacking(run) }
}

export function writingPacked<A, V>(run: Op<A, V>['run']): Op<A, V> {
  return { kind: 'write', isWhole: false, run }
}

export function alone<A, V>(run: Run<A, V>): Op<A, V> {
  return { kind: 'alone', isWhole: true, run: unpacking(run) }
}

function unpacking<A, V>(run: Run<A, V>): Op<A, V>['run'] {
  return (connection, args, packed) => {
    const { value, blobs = [] } = run(connection, args, unpack(packed))
    return { value, packed: pack(blobs) }
  }
}
