// settings.ts: what the server is and how it is set, looked at once by each opening.

import { StorageError, UnsupportedError } from '../errors.ts'
import type { Durability } from '../store.ts'
import type { Address } from './address.ts'
import type { Cell, Link } from './driver.ts'

/** The first with SKIP LOCKED. */
const LEAST = { mysql: [8, 0, 1], mariadb: [10, 6, 0] } as const

/** Bytes of the longest statement beside those of an item, and as many again for the item. */
const LEAST_PACKET = 2 ** 14

/** Rejects with UnsupportedError where the server is too old, StorageError where it is set so that no queue can be in it. */
export async function checkServer(link: Link, { shown }: Address, durability: Durability): Promise<void> {
  const settings = '@@innodb_flush_log_at_trx_commit, @@read_only + @@innodb_read_only, @@log_bin'
  const [read] = await link.ask([`SELECT VERSION(), ${settings}`])
  const [version, flushes, isReadOnly, hasBinlog] = read?.rows[0] ?? []
  checkVersion(String(version), shown)
  const binlog = Number(hasBinlog) === 1 ? await link.ask(["SHOW VARIABLES LIKE 'binlog_format'"]) : []
  const binlogFormat = binlog[0]?.rows[0]?.[1]
  const { packetBytes } = link
  const reason = reasonAgainst({ isReadOnly: Number(isReadOnly) !== 0, binlogFormat, packetBytes })
  if (reason !== undefined) throw new StorageError(`${shown}: the server ${reason}`)
  if (durability === 'disk' && Number(flushes) !== 1) warn(shown, Number(flushes))
}

interface Settings {
  readonly isReadOnly: boolean
  readonly binlogFormat: Cell | undefined
  readonly packetBytes: number
}

/** Why no queue can be in a server that is set so. */
function reasonAgainst({ isReadOnly, binlogFormat, packetBytes }: Settings): string | undefined {
  if (isReadOnly) return 'is read-only: name one that takes writes'
  // A transaction that sees what others have committed (READ COMMITTED) can't be repeated from its statements.
  if (binlogFormat === 'STATEMENT') {
    return 'has binlog_format = STATEMENT, with which it refuses every write of a queue: set it to MIXED or ROW'
  }
  if (packetBytes >= LEAST_PACKET) return undefined
  return `has a max_allowed_packet of ${packetBytes}: set it to ${LEAST_PACKET} at least`
}

export function checkVersion(version: string, shown: string): void {
  const least = /mariadb/i.test(version) ? LEAST.mariadb : LEAST.mysql
  const [, ...numbers] = /(\d+)\.(\d+)\.(\d+)/.exec(version.replace(/^5\.5\.5-/, '')) ?? []
  const at = least.findIndex((number, i) => Number(numbers[i]) !== number)
  if (at === -1 || Number(numbers[at]) > (least[at] ?? 0)) return
  throw new UnsupportedError(`${shown}: the server has version ${version}: MySQL 8.0.1 or MariaDB 10.6 is needed`)
}

function warn(shown: string, flushes: number): void {
  const needed = "durability 'disk' needs innodb_flush_log_at_trx_commit = 1 of the server"
  const warning = `${shown}: ${needed}, which has ${flushes}: a crash of its host may lose the last second`
  process.emitWarning(warning, { type: 'SpoolqWarning', code: 'SPOOLQ_MYSQL_NO_FLUSH' })
}
