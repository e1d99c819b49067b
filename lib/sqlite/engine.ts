// engine.ts: calls as transactions. What was asked for while one transaction ran goes into the next, together:
//
//    BEGIN IMMEDIATE · call (SAVEPOINT … RELEASE) · call · call · COMMIT          then all of them are answered
//
// A call that is refused undoes itself; the others go on. Where SQLite fails, all is undone, and each call gets a
// transaction of its own: a put that finds the disk full takes nobody with it. Only a commit whose sync failed is not
// tried again: what became of it is not known.
//
// On a full disk the WAL is copied back, so that it begins anew, and the transaction is tried once more. Calls that bring
// bytes are refused before the disk is quite full (room.ts).

import { Connection, UnknownOutcome } from './connection.ts'
import { type OpenDriver, SqliteFailure } from './driver.ts'
import { type Failure, failureOf } from './failure.ts'
import type { Packed } from './messages.ts'
import type { Op, PackedAnswer } from './op.ts'
import { ops } from './ops.ts'
import { freeBytes, vacuum } from './page-ops.ts'
import { Room, saysFull, withRoom } from './room.ts'
import { begin, type Withdrawal } from './withdrawal.ts'

export interface Call {
  readonly id: number
  readonly op: string
  readonly args: never
  readonly within: number
  readonly packed: Packed
  readonly withdrawal?: Withdrawal | undefined
}

export type Outcome = PackedAnswer<unknown> | { readonly failure: Failure }

/** Nobody waits for it any more. */
const NOBODYS: Outcome = { value: undefined }

const table: Readonly<Record<string, Op<never, unknown>>> = ops

export class Engine {
  readonly #file: string
  readonly #openDriver: () => OpenDriver
  #room: Room | undefined
  #connection: Connection | undefined
  /** A sync failed: what was committed before may be missing from the medium until all of it was copied back. */
  #isDoubtful = false

  constructor(file: string, openDriver: () => OpenDriver) {
    this.#file = file
    this.#openDriver = openDriver
  }

  /** What became of each, in order. */
  run(calls: readonly Call[]): Outcome[] {
    let isFull: boolean
    try {
      this.#connection ??= Connection.open(this.#file, this.#openDriver())
      this.#connection.refuseIfGone()
      this.#dispel(this.#connection, calls)
      this.#room ??= new Room(this.#connection)
      isFull = !this.#room.makeFor(calls.reduce((sum, { packed }) => sum + packed.bytes.length, 0))
      this.#connection.takeBytes = this.#room.takeBytes
    } catch (error) {
      return calls.map(() => this.#refused(error))
    }
    const outcomes: Outcome[] = []
    for (const group of groupsOf(calls, isFull)) {
      if (isFull && isPutting(group[0]))
        outcomes.push(this.#refused(new SqliteFailure('SQLITE_FULL', 'no room is left')))
      else outcomes.push(...this.#group(this.#connection, group))
    }
    return outcomes
  }

  #group(connection: Connection, calls: readonly Call[]): Outcome[] {
    if (opOf(calls[0]).kind === 'alone') return calls.map((call) => this.#alone(connection, call))
    try {
      return withRoom(connection, () => this.#together(connection, calls))
    } catch (error) {
      if (error instanceof UnknownOutcome) this.#isDoubtful = true
      const isSpoiled = error instanceof SqliteFailure && !(error instanceof UnknownOutcome)
      if (calls.length === 1 || !isSpoiled) return calls.map(() => this.#refused(error))
      return calls.flatMap((call) => this.#group(connection, [call]))
    }
  }

  #together(connection: Connection, calls: readonly Call[]): Outcome[] {
    const kind = calls.some((call) => opOf(call).kind === 'write') ? 'write' : 'read'
    const isSynced = calls.some(({ within }) => within === 0)
    return connection.transaction(kind, isSynced, () => calls.map((call) => this.#one(connection, call, calls.length)))
  }

  #one(connection: Connection, call: Call, companions: number): Outcome {
    if (!begin(call.withdrawal)) return NOBODYS
    const { isWhole, run } = opOf(call)
    if (isWhole || companions === 1) return this.#guarded(connection, call, run, companions > 1)
    connection.statement('SAVEPOINT call').run()
    const outcome = this.#guarded(connection, call, run, true)
    if ('failure' in outcome) connection.statement('ROLLBACK TO call').run()
    connection.statement('RELEASE call').run()
    return outcome
  }

  /** With others in the transaction, a refusal is an answer; alone, it undoes the transaction. */
  #guarded(connection: Connection, call: Call, run: Op<never, unknown>['run'], isShared: boolean): Outcome {
    try {
      return run(connection, call.args, call.packed)
    } catch (error) {
      if (!isShared || error instanceof SqliteFailure) throw error
      return this.#refused(error)
    }
  }

  #alone(connection: Connection, call: Call): Outcome {
    try {
      return opOf(call).run(connection, call.args, call.packed)
    } catch (error) {
      return this.#refused(error)
    }
  }

  #refused(error: unknown): Outcome {
    return { failure: failureOf(error, this.#file) }
  }

  /** After a failed sync, nothing more is called safe before all that was written is in its place in the file. */
  #dispel(connection: Connection, calls: readonly Call[]): void {
    if (!this.#isDoubtful || calls.every(({ within }) => within === Infinity)) return
    if (connection.checkpoint()) this.#isDoubtful = false
    else throw new SqliteFailure('SQLITE_IOERR', 'a sync failed, and what it left is not yet written again')
  }

  /** What was committed so far is on the medium. */
  sync(): void {
    try {
      this.#connection?.refuseIfGone()
      this.#connection?.syncWal()
    } catch (error) {
      this.#isDoubtful = true
      throw error
    }
  }

  /** Gives some free pages back where there are more than that; true where there still are. */
  tidy(keptBytes: number): { readonly reclaimed: number; readonly isMore: boolean } {
    const connection = this.#connection
    if (connection === undefined || freeBytes(connection) <= keptBytes) return { reclaimed: 0, isMore: false }
    try {
      const reclaimed = withRoom(connection, () => vacuum(connection, keptBytes / 2, 1))
      return { reclaimed, isMore: reclaimed > 0 && freeBytes(connection) > keptBytes }
    } catch (error) {
      if (saysFull(error)) return { reclaimed: 0, isMore: false }
      throw error
    }
  }

  close(): void {
    this.#connection?.close()
    this.#connection = undefined
  }
}

function isPutting(call: Call | undefined): boolean {
  return call !== undefined && call.packed.lengths.length > 0
}

function opOf(call: Call | undefined): Op<never, unknown> {
  const op = table[call?.op ?? '']
  if (op === undefined) throw new TypeError(`no op ${call?.op}`)
  return op
}

/** Runs of calls that share a transaction; one that must be alone is a group of its own, and one that is to be refused. */
function groupsOf(calls: readonly Call[], isFull: boolean): Call[][] {
  const groups: Call[][] = []
  let open: Call[] | undefined
  for (const call of calls) {
    const isAlone = opOf(call).kind === 'alone' || (isFull && isPutting(call))
    if (open === undefined || isAlone) {
      groups.push([call])
      open = isAlone ? undefined : groups.at(-1)
    } else open.push(call)
  }
  return groups
}
