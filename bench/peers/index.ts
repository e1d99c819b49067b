// index.ts: the peers that are here. Their packages are installed when they are first asked for.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Contender } from '../contender.ts'
import { installed } from './find.ts'
import { level } from './level.ts'
import { lmdb } from './lmdb.ts'
import { plainjob } from './plainjob.ts'
import { hasRedis, redis } from './redis.ts'
import { sqlite } from './sqlite.ts'

const bench = fileURLToPath(new URL('../../../bench/', import.meta.url))
const packages = { 'better-sqlite3': sqlite, lmdb, 'classic-level': level, plainjob } as const

/** Those that are installed, or can be; the others are named on standard error. */
export function findPeers(): Contender[] {
  if (!existsSync(`${bench}node_modules`)) install()
  const entries = Object.entries(packages)
  const missing = entries.filter(([name]) => !installed(name)).map(([name]) => name)
  const found: Contender[] = entries.filter(([name]) => installed(name)).map(([, peer]) => peer)
  if (hasRedis()) found.push(redis)
  else missing.push('redis-server')
  if (missing.length > 0) console.error(`Not here, so not compared with: ${missing.join(', ')}`)
  return found
}

/** About a minute: better-sqlite3 may have to be compiled. */
function install(): void {
  console.error('Installing the packages to compare with, in bench/ …')
  spawnSync('npm', ['ci', '--no-fund', '--no-audit'], {
    cwd: bench,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
}
