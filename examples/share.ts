// share.ts: two processes share the work of one queue, and one of them is killed in the middle of it. What it had in hand
// is the other's within a second; nothing is lost, and nobody had to configure a timeout.
//
//   node dist/examples/share.js [folder]

import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { AsyncQueue } from '../lib/index.ts'
import { place } from './place.ts'

interface Job {
  readonly number: number
}

const total = 300
const [folder, role] = process.argv.slice(2)
await (role === 'worker' && folder !== undefined ? work(folder) : main(join(place(folder), 'jobs')))

/** A worker's whole program: it takes, works and acknowledges, until it is told to end. */
async function work(location: string): Promise<void> {
  const queue = await AsyncQueue.open<Job>(location)
  process.once('message', () => queue.close())
  for await (const { number } of queue) {
    await sleep(2) // the work
    process.send?.(number)
  }
  process.disconnect()
}

async function main(location: string): Promise<void> {
  const queue = await AsyncQueue.open<Job>(location)
  await queue.putMany(Array.from({ length: total }, (_, i) => ({ number: i + 1 })))

  const done: number[] = []
  const [victim, survivor] = [start(location, done), start(location, done)]
  while (done.length < total / 3) await once(victim, 'message')
  victim.kill('SIGKILL')
  console.log(`one worker was killed after ${done.length} jobs were done`)

  await queue.join() // nothing is ready or in flight any more
  survivor.send('end')
  await once(survivor, 'exit')

  const repeated = done.length - new Set(done).size
  console.log(`${done.length} jobs were done in all, ${repeated} of them twice`)
  assert.equal(new Set(done).size, total)
  assert.ok(repeated <= 1, 'a slow body repeats no more than the job in hand')
  await queue.close()
  console.log('Every job is done, though a worker was killed.')
}

function start(location: string, done: number[]): ChildProcess {
  const worker = fork(fileURLToPath(import.meta.url), [location, 'worker'])
  worker.on('message', (number) => done.push(Number(number)))
  return worker
}
