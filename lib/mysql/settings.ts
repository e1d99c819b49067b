// settings.ts: what the server is and how it is set, looked at once by each opening.

import { StorageError, UnsupportedError } from '../errors.ts'
import type { Durability } from '../store.ts'
import type { Address } from './address.ts'
import type { Link } from './driver.ts'

/** The first with SKIP LOCKED. */
const LEAST = { mysql: [8, 0, 1], mariadb: [10, 6, 0] } as const

/** Resolves to the longest statement that the server takes, in bytes; rejects with UnsupportedError where it is too old. */
export async function checkServer(link: Link, { shown }: Address, durability: Durability): Promise<number> {
  const settings = 'SELECT VERSION(), @@max_allowed_packet, @@innodb_flush_log_at_trx_commit, @@read_only'
  const [read] = await link.ask([settings])
  const [version, packetBytes, flushes, isReadOnly] = read?.rows[0] ?? []
  checkVersion(String(version), shown)
  if (Number(isReadOnly) !== 0) throw new StorageError(`${shown}: the server is read-only: name one that takes writes`)
  if (durability === 'disk' && Number(flushes) !== 1) warn(shown, Number(flushes))
  return Number(packetBytes)
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
