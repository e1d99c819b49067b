// tracker.ts: a location tracker that loses its network, and its life, and nothing else. `npm start` runs it.
//
//   file of readings ──▶ device ──▶ queue on disk ──▶ device ── ✂ ──▶ server
//                        a process of its own, killed        goes down, refuses, takes
//                        with -9 and started again           and forgets to answer
//
//   npm start                          the readings in examples/data/crossing.csv
//   npm start -- file [folder]         a file of your own, each line a reading (blank lines and # … are left out);
//                                      - reads standard input. The folder keeps the queue, each run's its own; without
//                                      one it is temporary.
//
// At the end the server's readings are compared with the file's. The program fails if one is missing, or out of order.

import { mkdtempSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { place } from './place.ts'
import { runDevice } from './tracker/life.ts'
import { prove } from './tracker/proof.ts'
import { readings } from './tracker/reading.ts'
import { figure, Screen } from './tracker/screen.ts'
import { Server } from './tracker/server.ts'

const shipped = fileURLToPath(new URL('../../examples/data/crossing.csv', import.meta.url))
const [named = shipped, namedFolder] = process.argv.slice(2)
const folder = mkdtempSync(join(place(namedFolder), 'tracker-'))
const file = named === '-' ? await standardInput() : named

const lines: string[] = []
for await (const { line } of readings(file)) lines.push(line)
if (lines.length === 0) throw new RangeError(`${named} holds no readings`)
console.log(`${figure(lines.length)} readings of ${basename(named)}; the queue is in ${join(folder, 'queue')}\n`)

const server = await Server.start({ seed: Number(process.env.SPOOLQ_SEED ?? Date.now() % 1_000_000) })
const screen = new Screen({ total: lines.length, server })
const device = await runDevice({ file, location: join(folder, 'queue'), server, screen, total: lines.length })
screen.end()
await server.stop()
process.exitCode = prove({ lines, server, device }) ? 0 : 1

/** A device that is started again can't read standard input again, so it goes into a file first. */
async function standardInput(): Promise<string> {
  const path = join(folder, 'readings')
  await writeFile(path, process.stdin)
  return path
}
