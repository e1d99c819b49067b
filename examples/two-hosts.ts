// two-hosts.ts: two hosts work on one queue in a MySQL or MariaDB database, and one of them dies in the middle of it. The
// hosts are two processes here; on two machines nothing would be different, because all they share is the database.
//
//   node dist/examples/two-hosts.js mysql://user:password@host/database

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { AsyncQueue } from '../lib/index.ts'

interface Order {
  readonly number: number
}

const total = 200
const [url, role] = process.argv.slice(2)
if (url === undefined || !URL.canParse(url)) explain()
else if (role === undefined) await main(url)
else await pack(url)

function explain(): void {
  console.log('It needs a database that its user may make tables in, and the package mysql2 (npm i mysql2):')
  console.log('  node dist/examples/two-hosts.js mysql://user:password@host/database')
}

/** The warehouse, a host of its own: it takes an order, packs it, and acknowledges it. */
async function pack(location: string): Promise<void> {
  const queue = await AsyncQueue.open<Order>(location)
  process.once('message', () => queue.close())
  for await (const { number } of queue) {
    await sleep(2) // the work
    process.send?.(number)
  }
  process.disconnect()
}

/** The shop: it takes in orders, and packs some of them itself. */
async function main(location: string): Promise<void> {
  const place = new URL(location)
  if (!place.searchParams.has('queue')) place.searchParams.set('queue', `two-hosts ${process.pid}`)
  const queue = await AsyncQueue.open<Order>(place)
  const packed: number[] = []
  const warehouse = fork(fileURLToPath(import.meta.url), [place.href, 'warehouse'])
  warehouse.on('message', (number) => packed.push(Number(number)))

  await queue.putMany(Array.from({ length: total }, (_, i) => ({ number: i + 1 })))
  while (packed.length < total / 4) await once(warehouse, 'message')
  warehouse.kill('SIGKILL')
  await once(warehouse, 'exit')
  console.log(`the warehouse is gone after ${packed.length} orders`)

  // What it had in its hands is ready again: the database knew at once that nobody holds it any more.
  const byShop = queue.consume(async ([order]) => {
    if (order !== undefined) packed.push(order.number)
  })
  await queue.join()
  await queue.close()
  console.log(`the shop packed ${(await byShop).acked} orders`)

  assert.deepEqual(
    [...new Set(packed)].sort((one, other) => one - other),
    Array.from({ length: total }, (_, i) => i + 1),
  )
  console.log('Every order is packed, though a host is gone.')
}
