// What keeps a process alive, and what becomes of a queue that nobody holds: each in a process of its own.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { CHECK } from '../layers.ts'

const run = promisify(execFile)
const library = new URL('../../lib/index.js', import.meta.url).href
const scratch = await mkdtemp(join(tmpdir(), 'spoolq-alive-'))
after(() => rm(scratch, { recursive: true, force: true }))

/** Runs a program over a queue; resolves to what it printed once it has ended by itself. */
async function printed(location: string, program: string): Promise<string[]> {
  const source = `import { AsyncQueue } from ${JSON.stringify(library)}\nconst location = ${JSON.stringify(location)}\n${program}`
  const { stdout } = await run(process.execPath, ['--expose-gc', '--input-type=module', '-e', source], {
    timeout: 240_000,
  })
  return stdout.split('\n').filter((line) => line !== '')
}

/** In memory nothing keeps a process alive but what does so in every store: `npm run check` tries it. */
const locations = [...(CHECK ? ['memory:jobs'] : []), join(scratch, 'log'), `sqlite:${join(scratch, 'file.db')}`]

// A timer that the process does not wait for: if it stays alive for the queue's sake, this one comes.
const LATER = (code: string, ms = 400): string => `setTimeout(() => { ${code} }, ${ms}).unref()`

/** Long enough for a process on a slow machine to end before it comes. */
const MUCH_LATER_MS = 20_000

for (const location of locations) {
  const kind = /^(memory|sqlite):/.exec(location)?.[1] ?? 'log'

  const wholly = CHECK || kind === 'log' ? it : () => undefined

  describe(`${kind}: the queue`, () => {
    it('keeps no process alive while it is open and idle', async () => {
      const program = `
        const queue = await AsyncQueue.open(location)
        await queue.put(1)
        for await (const item of queue.items({ wait: false })) console.log(item)
        ${LATER("console.log('still alive')", MUCH_LATER_MS)}`
      assert.deepEqual(await printed(location, program), ['1'])
    })

    it('keeps it alive while a get, a loop or a put waits', async () => {
      const waits = {
        get: 'queue.get().then(console.log)',
        several: 'queue.get(2, { min: 1 }).then(console.log)',
        loop: ';(async () => { for await (const item of queue) { console.log(item); break } })()',
        batches: ';(async () => { for await (const batch of queue.batches(5)) { console.log(batch[0]); break } })()',
      }
      // What keeps the process alive for a get keeps it alive for all of these; what a store does for it is its own.
      const tried = Object.entries(waits).filter(([name]) => CHECK || kind === 'log' || name === 'get')
      const woken = tried.map(async ([name, wait]) => {
        const program = `
          const queue = await AsyncQueue.open(location)
          ${wait}
          ${LATER("queue.put('woken')")}`
        const [line] = await printed(`${location}-${name}`, program)
        assert.match(line ?? '', /woken/, name)
      })
      await Promise.all(woken)
      const program = `
        const queue = await AsyncQueue.open(location, { maxSize: 1 })
        await queue.clear()
        await queue.put(1)
        queue.put(2).then((id) => console.log('put'))
        ${LATER('queue.pop()')}`
      assert.deepEqual(await printed(location, program), ['put'])
    })

    wholly('is closed when it is collected, and gives back what it held', async () => {
      const program = `
        const keeper = await AsyncQueue.open(location)
        await keeper.clear()
        await keeper.putMany(['a', 'b'])
        await (async () => {
          const dropped = await AsyncQueue.open(location)
          const items = dropped.items()
          await items.next()
        })()
        const inFlight = async () => (await keeper.counts()).inFlight
        console.log(await inFlight())
        while ((await inFlight()) > 0) {
          gc()
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
        console.log(await keeper.pop())
        await keeper.close()`
      assert.deepEqual(await printed(location, program), ['1', 'a'])
    })

    wholly('is not collected while somebody waits in it, or loops over it', async () => {
      const program = `
        const keeper = await AsyncQueue.open(location)
        await keeper.clear()
        // The loop gives back what it has in hand when it is left: that one may come to get.
        const got = new Set()
        const open = () => AsyncQueue.open(location)
        const get = async () => got.add(await (await open()).get())
        const loop = async () => {
          for await (const item of await open()) {
            got.add(item)
            gc()
            await new Promise((resolve) => setTimeout(resolve, 5))
            if (got.size >= 4) break
          }
        }
        const waiting = [get(), loop()]
        for (let i = 0; i < 30; i += 1) {
          gc()
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
        for (const item of [1, 2, 3, 4]) await keeper.put(item)
        await Promise.all(waiting)
        console.log([...got].sort().join())
        await keeper.close()`
      assert.deepEqual(await printed(location, program), ['1,2,3,4'])
    })
  })
}

describe('the queue', () => {
  it('raises no uncaught exception or rejection, whatever nobody looks at', async () => {
    const program = `
      await (await AsyncQueue.open('memory:v8', { codec: 'v8' })).close()
      const failed = new AsyncQueue('memory:v8', { codec: 'json' })
      await failed.opened.catch((error) => console.log(error.code))
      const queue = new AsyncQueue('memory:')
      queue.items().next()
      await queue.close()
      await new Promise((resolve) => setTimeout(resolve, 20))
      console.log('quiet')`
    assert.deepEqual(await printed('memory:', program), ['ERR_QUEUE_CODEC_MISMATCH', 'quiet'])
  })
})
