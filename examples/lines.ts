// lines.ts: a file's lines go through the queue into another file, as streams, and a sink that breaks on the way
// neither loses a line nor gets one twice.
//
//   node dist/examples/lines.js [file [folder]]

import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { AsyncQueue } from '../lib/index.ts'
import { place } from './place.ts'

const source = process.argv[2] ?? fileURLToPath(new URL('../../examples/data/crossing.csv', import.meta.url))
const folder = place(process.argv[3])
const queue = await AsyncQueue.open<string>(join(folder, 'lines'))

// A write stream of its own: it ends, and the queue goes on. The pipeline resolves when every line is durable.
await pipeline(createInterface({ input: createReadStream(source) }), queue.createWriteStream())
const total = await queue.size()
console.log(`${total} lines of ${source} are in the queue`)

const target = await open(join(folder, 'copy'), 'w')
const half = Math.floor(total / 2)
await assert.rejects(pipeline(queue.createReadStream({ wait: false }), sink(target, half)), /no room/)
console.log(`the sink broke after ${half} lines; ${await queue.size()} are left`)
assert.equal(await queue.size(), total - half)

await pipeline(queue.createReadStream({ wait: false }), sink(target, Infinity))
await target.close()

assert.deepEqual(await linesOf(join(folder, 'copy')), await linesOf(source))
assert.equal(await queue.size(), 0)
await queue.close()
console.log('The copy has every line once, in order.')

/** Appends lines to a file. A line counts as taken once its write has called back. */
function sink(file: FileHandle, room: number): Writable {
  let written = 0
  return new Writable({
    objectMode: true,
    async write(line: string, _encoding, done) {
      if (written++ >= room) return done(new Error('no room'))
      await file.write(`${line}\n`)
      done()
    },
  })
}

async function linesOf(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8')).trimEnd().split(/\r?\n/)
}
