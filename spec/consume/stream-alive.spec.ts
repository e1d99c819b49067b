// What keeps a process alive that uses a queue as a stream, and what becomes of streams that nobody holds: each in a
// process of its own.
// A process of its own: it starts others.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { places } from './stream-kit.ts'

const run = promisify(execFile)
const library = new URL('../../lib/index.js', import.meta.url).href

/** Runs a program over a queue; resolves to what it printed once it has ended by itself. */
async function printed(location: string, program: string): Promise<string[]> {
  const source = `
    import { AsyncQueue } from ${JSON.stringify(library)}
    import { Writable } from 'node:stream'
    import { pipeline } from 'node:stream/promises'
    const location = ${JSON.stringify(location)}
    const open = () => AsyncQueue.open(location)
    const print = () => new Writable({ objectMode: true, write(item, _, done) { console.log(item); done() } })
    const idle = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    ${program}`
  const args = ['--expose-gc', '--input-type=module', '-e', source]
  const { stdout } = await run(process.execPath, args, { timeout: 240_000 })
  return stdout.split('\n').filter((line) => line !== '')
}

for (const place of places) {
  describe(`the queue as a stream over ${place.name}`, () => {
    it('keeps no process alive when nobody reads it, and none that has a stream which is done', async () => {
      const program = `
        const queue = await open()
        queue.createReadStream()
        queue.createWriteStream()
        await pipeline([1, 2], queue.createWriteStream())
        await pipeline(queue.createReadStream({ wait: false }), print())
        // Long enough for a process on a slow machine to end before it comes.
        setTimeout(() => console.log('still alive'), 20_000).unref()`
      assert.deepEqual(await printed(place.fresh(), program), ['1', '2'])
    })

    it('keeps it alive while a stream waits for items', async () => {
      for (const reader of ['queue.createReadStream()', 'queue']) {
        const program = `
          const queue = await open()
          pipeline(${reader}, print()).catch(() => {})
          setTimeout(() => queue.put('woken').then(() => queue.end()), 400).unref()`
        assert.deepEqual(await printed(place.fresh(), program), ['woken'])
      }
    })

    it('keeps it alive while a write waits for room', async () => {
      const program = `
        const queue = await AsyncQueue.open(location, { maxSize: 1 })
        const writer = queue.createWriteStream()
        writer.write(1)
        writer.write(2, () => console.log('written'))
        setTimeout(() => queue.pop(), 400).unref()`
      assert.deepEqual(await printed(place.fresh(), program), ['written'])
    })

    it('is closed when it is collected with a read stream that nobody holds either', async () => {
      const program = `
        const keeper = await open()
        await keeper.putMany(['a', 'b', 'c', 'd', 'e', 'f'])
        await (async () => {
          const dropped = await AsyncQueue.open(location, { highWaterMark: 2 })
          const stream = dropped.createReadStream()
          await new Promise((resolve) => stream.once('readable', resolve))
          console.log(stream.read())
        })()
        const inFlight = async () => (await keeper.counts()).inFlight
        for (let i = 0; (await inFlight()) > 0 && i < 2000; i += 1) {
          gc()
          await idle(5)
        }
        console.log(await keeper.pop())
        await keeper.close()`
      assert.deepEqual(await printed(place.fresh(), program), ['a', 'a'])
    })

    it('is not collected while it is piped', async () => {
      const program = `
        const sink = await (async () => {
          const queue = await open()
          await queue.putMany([1, 2, 3, 4])
          const slow = new Writable({
            objectMode: true,
            highWaterMark: 1,
            write(item, _, done) { console.log(item); gc(); setTimeout(() => { gc(); done() }, 20) },
          })
          return queue.createReadStream({ wait: false }).pipe(slow)
        })()
        await new Promise((resolve) => sink.once('finish', resolve))`
      assert.deepEqual(await printed(place.fresh(), program), ['1', '2', '3', '4'])
    })
  })
}
