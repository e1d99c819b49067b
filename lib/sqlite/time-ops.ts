// time-ops.ts: what a file records of its host's time (wait/host-time.ts), so that all processes measure leases and delays
// with one clock, which nobody can set: one row of spoolq_time. A file that has none (of an earlier version) gets it when it is
// opened; its times were the wall clock's, as are those of another boot once its drift is added.
//
//      spoolq_time     boot, origin, drift

import { sameBoot } from '../disk/boot.ts'
import type { Recorded } from '../wait/host-time.ts'
import type { Connection } from './connection.ts'
import { type Answer, writing } from './op.ts'
import { TIME_TABLE } from './schema.ts'

export interface HostArgs extends Recorded {
  readonly boot: string
}

export const timeOps = {
  /** What is recorded of this boot; where there is nothing, what is given. */
  'host.open': writing((connection: Connection, args: HostArgs): Answer<Recorded> => {
    if (connection.number("SELECT count(*) FROM sqlite_schema WHERE name = 'spoolq_time'") === 0)
      connection.exec(TIME_TABLE)
    const [boot, origin, drift] = connection.statement('SELECT boot, origin, drift FROM spoolq_time').get() ?? []
    if (boot !== undefined && sameBoot(String(boot), args.boot)) {
      return { value: { origin: Number(origin), drift: Number(drift) } }
    }
    if (boot !== undefined && Number(drift) !== 0) shift(connection, Number(drift))
    record(connection, args)
    return { value: { origin: args.origin, drift: args.drift } }
  }),

  'host.moved': writing((connection: Connection, args: HostArgs): Answer<null> => {
    record(connection, args)
    return { value: null }
  }),
}

function record(connection: Connection, { boot, origin, drift }: HostArgs): void {
  const sql = 'INSERT OR REPLACE INTO spoolq_time (id, boot, origin, drift) VALUES (1, ?, ?, ?)'
  connection.statement(sql).run(boot, origin, drift)
}

/** After a reboot: all times are what the wall clock would have said of them. */
function shift(connection: Connection, drift: number): void {
  for (const [queue] of connection.statement('SELECT id FROM spoolq_queues').all()) {
    connection.exec(`UPDATE spoolq_${Number(queue)}_delayed SET due = due + ${drift}`)
    connection.exec(`UPDATE spoolq_${Number(queue)}_flying SET due = due + ${drift} WHERE due IS NOT NULL`)
  }
}
