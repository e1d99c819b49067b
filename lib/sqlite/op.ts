// op.ts: what the worker thread can be asked for. An op gets its arguments and its bytes, works on the connection
// inside a transaction that others may share, and answers with a value and bytes. What it throws undoes what it did,
// and nothing else.

import type { Connection } from './connection.ts'

export interface Answer<V> {
  readonly value: V
  readonly blobs?: readonly Uint8Array[]
}

export type Run<A, V> = (connection: Connection, args: A, blobs: readonly Uint8Array[]) => Answer<V>

export interface Op<A, V> {
  /** 'alone': outside any transaction, after all that was asked for before. */
  readonly kind: 'read' | 'write' | 'alone'
  /** It throws, if at all, before it has changed anything. */
  readonly isWhole: boolean
  readonly run: Run<A, V>
}

/** It changes nothing. */
export function reading<A, V>(run: Run<A, V>): Op<A, V> {
  return { kind: 'read', isWhole: true, run }
}

export function writing<A, V>(run: Run<A, V>, { isWhole = false } = {}): Op<A, V> {
  return { kind: 'write', isWhole, run }
}

export function alone<A, V>(run: Run<A, V>): Op<A, V> {
  return { kind: 'alone', isWhole: true, run }
}
