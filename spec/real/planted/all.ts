// all.ts: all planted bugs, and the table of docs/reliability.md that says which layer catches which.
//
//      node dist/spec/real/planted/all.js       writes the table

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { attackers } from './attackers.ts'
import { attackersSql } from './attackers-sql.ts'
import { type Bug, nameOf } from './bug.ts'
import { checks } from './checks.ts'
import { codecs } from './codecs.ts'
import { consumers } from './consumers.ts'
import { crafted } from './crafted.ts'
import { crowd } from './crowd.ts'
import { documents } from './documents.ts'
import { durable } from './durable.ts'
import { failing } from './failing.ts'
import { failures } from './failures.ts'
import { folder } from './folder.ts'
import { full } from './full.ts'
import { map } from './map.ts'
import { memory } from './memory.ts'
import { moved } from './moved.ts'
import { mysql } from './mysql.ts'
import { order } from './order.ts'
import { pairs } from './pairs.ts'
import { puts } from './puts.ts'
import { sqlite } from './sqlite.ts'
import { streams } from './streams.ts'
import { syncs } from './syncs.ts'
import { time } from './time.ts'
import { together } from './together.ts'
import { waiting } from './waiting.ts'

export const bugs: readonly Bug[] = [
  ...syncs,
  ...failures,
  ...failing,
  ...full,
  ...checks,
  ...order,
  ...moved,
  ...mysql,
  ...together,
  ...folder,
  ...sqlite,
  ...durable,
  ...streams,
  ...puts,
  ...codecs,
  ...time,
  ...attackers,
  ...attackersSql,
  ...consumers,
  ...crowd,
  ...pairs,
  ...waiting,
  ...map,
  ...memory,
  ...documents,
  ...crafted,
]

const BEGIN = '<!-- planted bugs: written by spec/real/planted/all.ts -->\n'
const END = '<!-- end of the planted bugs -->\n'

function table(): string {
  const rows = bugs.map(({ name, file, layer }) => `| ${name} | ${file.replace(/js$/, 'ts')} | ${nameOf(layer)} |\n`)
  return `| planted | in lib/ | caught by |\n|---|---|---|\n${rows.join('')}`
}

/** The page as it has to be. */
export function withTable(page: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from < 0 || to < from) throw new Error('the page has no place for the table of the planted bugs')
  return page.slice(0, from) + BEGIN + table() + page.slice(to)
}

export function pathOfPage(root: string): string {
  return join(root, 'docs', 'reliability.md')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = pathOfPage(fileURLToPath(new URL('../../../..', import.meta.url)))
  writeFileSync(path, withTable(readFileSync(path, 'utf8')))
}
