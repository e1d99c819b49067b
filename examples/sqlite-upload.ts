// sqlite-upload.ts: a device notes where it is, and sends that when it has a network. What was sent and not yet
// acknowledged comes again: the network fails, and one of the two processes that send is killed. Where each item is, can
// be seen all the time.
//
//   node dist/examples/sqlite-upload.js [folder]
//
// This is persist-queue's tutorial on SQLiteAckQueue; docs/ancestors.md has the calls side by side.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { AsyncQueue } from '../lib/index.ts'
import { listen, shut } from './local.ts'
import { place } from './place.ts'

interface Fix {
  readonly number: number
  readonly latitude: number
  readonly longitude: number
}

const total = 300
const [folder, server] = process.argv.slice(2)

if (server === undefined) await main(join(place(folder), 'device.db'))
else await send(String(folder), server)

/** A process that sends: what it holds when it is killed is ready again for the other. */
async function send(file: string, url: string): Promise<void> {
  await using queue = await open(file)
  for await (const delivery of queue.deliveries({ prefetch: 4 })) {
    const body = JSON.stringify(delivery.item)
    const response = await fetch(url, { method: 'POST', body }).catch(() => undefined)
    if (response?.ok) await delivery.ack()
    else await delivery.nack({ delay: 50 }) // no network: later
  }
}

async function main(file: string): Promise<void> {
  const received = new Map<number, number>()
  const { url, stop } = await badNetwork((number) => received.set(number, (received.get(number) ?? 0) + 1))
  await using queue = await open(file)
  const fixes = Array.from({ length: total }, (_, i) => ({ number: i + 1, latitude: 54.5 + i / 1e4, longitude: 18.5 }))
  await queue.putMany(fixes)
  await tell(queue, 'noted')

  const senders = [start(file, url), start(file, url)]
  while (received.size < total / 3) await new Promise((resolve) => setTimeout(resolve, 5))
  senders[0]?.kill('SIGKILL')
  await tell(queue, 'one is killed')
  await queue.join()
  await tell(queue, 'all sent')

  for (const sender of senders) await ended(sender)
  await stop()
  assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: total })
  assert.deepEqual(
    [...received.keys()].sort((a, b) => a - b),
    fixes.map(({ number }) => number),
  )
  const [last] = await queue.list({ status: 'acked', after: total - 1 })
  assert.equal(last?.item?.number, total)
  console.log('The server has every fix, and each is acknowledged.')
}

/** Acknowledged items are kept for the record: so they can be counted and listed. */
function open(file: string): Promise<AsyncQueue<Fix>> {
  return AsyncQueue.open<Fix>(`sqlite:${file}?queue=fixes`, { keepAcked: total })
}

async function tell(queue: AsyncQueue<Fix>, when: string): Promise<void> {
  const { ready, delayed, inFlight, acked } = await queue.counts()
  console.log(`${when.padEnd(14)} ready ${ready}, to be tried again ${delayed}, under way ${inFlight}, acked ${acked}`)
}

function start(file: string, url: string): ChildProcess {
  return spawn(process.execPath, [fileURLToPath(import.meta.url), file, url], { stdio: 'inherit' })
}

async function ended(sender: ChildProcess): Promise<void> {
  if (sender.exitCode !== null || sender.signalCode !== null) return
  sender.kill()
  await once(sender, 'exit')
}

/** A server that drops every seventh request unread, and every eleventh after it has noted it. */
async function badNetwork(note: (number: number) => void): Promise<{ url: string; stop: () => Promise<void> }> {
  let requests = 0
  const server = createServer(async (request, response) => {
    requests += 1
    const n = requests
    if (n % 7 === 0) return response.destroy()
    const fix: Fix = JSON.parse(await text(request))
    note(fix.number)
    if (n % 11 === 0) return response.destroy()
    response.writeHead(204).end()
    return
  })
  const { url } = await listen(server)
  return { url, stop: () => shut(server) }
}
