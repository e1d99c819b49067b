// tracker.ts: a location tracker that loses its network, and its life, and nothing else. `npm start` runs it.
//
//   file of readings ──▶ device ──▶ queue on disk ──▶ device ── ✂ ──▶ server
//                        a process of its own, killed        goes down, refuses, takes
//                        with -9 and started again           and forgets to answer
//
//   npm start                          the readings in examples/data/crossing.csv
//   npm start -- file [folder]         a file of your own, each line a reading (blank lines and # … are left out);
//                                      - reads standard input. The folder keeps the queue; without one it is temporary.
//
// Stop it however you like, with Ctrl-C or kill -9: the same command goes on where it was. At the end the server's
// readings are compared with the file's. The program fails if one is missing, or out of order.

import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AsyncQueue } from '../lib/index.ts'
import './place.ts'
import { Journey } from './tracker/journey.ts'
import { runDevice } from './tracker/life.ts'
import { prove } from './tracker/proof.ts'
import { readings } from './tracker/reading.ts'
import { figure, Screen } from './tracker/screen.ts'
import { Server } from './tracker/server.ts'

const shipped = fileURLToPath(new URL('../../examples/data/crossing.csv', import.meta.url))
const [named = shipped, folder] = process.argv.slice(2)
const lines: string[] = []
for await (const { line } of readings(named === '-' ? process.stdin : createReadStream(named))) lines.push(line)
if (lines.length === 0) throw new RangeError(`${named} holds no readings`)

const journey = await Journey.begin(lines, folder)
process.on('SIGINT', stop)
// A device that is started again can't read standard input again.
const file = named === '-' ? join(journey.folder, 'readings') : named
if (named === '-') await writeFile(file, lines.join('\n'))

const server = await Server.start({
  seed: Number(process.env.SPOOLQ_SEED ?? Date.now() % 1_000_000),
  file: journey.arrived,
})
console.log(`${figure(lines.length)} readings of ${basename(named)}; the queue is in ${journey.queue}\n`)
if (journey.goesOn) {
  const waiting = figure(await waitingIn(journey.queue))
  console.log(`Stopped before, it goes on: ${figure(server.lines.length)} had arrived, ${waiting} wait in the queue.\n`)
}
const screen = new Screen({ total: lines.length, server })
const device = await runDevice({ file, journey, server, screen, total: lines.length })
screen.end()
await server.stop()
const isProved = prove({ lines, server, device })
if (isProved) journey.end()
process.exitCode = isProved ? 0 : 1

async function waitingIn(location: string): Promise<number> {
  const queue = await AsyncQueue.open(location)
  const size = await queue.size()
  await queue.close()
  return size
}

function stop(): void {
  console.log('\n\nStopped. The same command goes on from here.')
  process.exit(130)
}
