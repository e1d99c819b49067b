// rig.ts: what the specs of SQLite queues share: files that go when the process has ended, an engine without a thread whose
// statements are heard and can be made to fail, and what another program does to a file.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Driver, loadDriver, type OpenDriver, type Statement } from '../../lib/sqlite/driver.ts'
import { type Call, Engine, type Outcome } from '../../lib/sqlite/engine.ts'
import { NOTHING, type Packed } from '../../lib/sqlite/messages.ts'
import type { ArgsOf, OpName } from '../../lib/sqlite/ops.ts'
import type { PutArgs } from '../../lib/sqlite/put-ops.ts'
import { sealed } from '../../lib/sqlite/seal.ts'

const scratch = mkdtempSync(join(tmpdir(), 'spoolq-sqlite-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
let files = 0

export function newFile(): string {
  files += 1
  return join(scratch, `${files}.db`)
}

/** A file as another program has it open. */
export function foreign(file: string): Driver {
  return loadDriver()(file)
}

/** The first driver there is, which tells what it is asked for before it does it: throw there to make it fail. */
export function hearing(hear: (sql: string) => void): OpenDriver {
  const open = loadDriver()
  return (file) => {
    const driver = open(file)
    const heard = (sql: string, statement: Statement): Statement => ({
      run: (...values) => {
        hear(sql)
        return statement.run(...values)
      },
      get: (...values) => {
        hear(sql)
        return statement.get(...values)
      },
      all: (...values) => {
        hear(sql)
        return statement.all(...values)
      },
    })
    return {
      name: driver.name,
      exec: (sql) => {
        hear(sql)
        driver.exec(sql)
      },
      prepare: (sql) => heard(sql, driver.prepare(sql)),
      close: () => driver.close(),
    }
  }
}

let lastCall = 0

export function call<N extends OpName>(op: N, args: ArgsOf<N>, packed: Packed = NOTHING): Call {
  lastCall += 1
  return { id: lastCall, op, args: args as never, within: 0, packed }
}

export const plainPut: PutArgs = {
  queue: 1,
  now: 1000,
  wall: 1000,
  due: 0,
  attempt: 0,
  priority: 0,
  bound: undefined,
  owner: 0,
  keys: undefined,
}

export function put(...texts: string[]): Call {
  return call('queue.put', plainPut, sealed(texts.map((text) => Buffer.from(text))))
}

/** An engine whose queue 1 is there. */
export function engineWith(file: string, open: OpenDriver): Engine {
  const engine = new Engine(file, () => open)
  const outcomes = engine.run([call('queue.open', { name: 'q', codec: 'raw', order: 'fifo' })])
  valuesOf(outcomes)
  return engine
}

/** What the calls were answered; throws where one was refused. */
export function valuesOf(outcomes: readonly Outcome[]): unknown[] {
  return outcomes.map((outcome) => {
    if ('failure' in outcome) throw new Error(outcome.failure.message)
    return outcome.value
  })
}

/** 'done', or the kind of its refusal. */
export function fates(outcomes: readonly Outcome[]): string[] {
  return outcomes.map((outcome) => ('failure' in outcome ? outcome.failure.kind : 'done'))
}
