// The examples as a reader runs them: each ends by itself, checks its own result, and says so in its last line.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { crossing } from '../../examples/data/make-crossing.ts'
import { CHECK } from '../layers.ts'

const folder = mkdtempSync(join(tmpdir(), 'spoolq-examples-'))
const examples = fileURLToPath(new URL('../../examples/', import.meta.url))
const shipped = fileURLToPath(new URL('../../../examples/data/crossing.csv', import.meta.url))

/** `npm test` runs what the README begins with; `npm run check` runs them all. */
const wholly = CHECK ? it : () => undefined

describe('the examples', { timeout: 240_000, concurrency: 4 }, () => {
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('quick-start takes what it put', async () => {
    assert.match(await run('quick-start.js'), /All taken, in order, and the queue is empty\.\n$/)
  })

  wholly('upload brings everything to a server that goes down and comes back', async () => {
    const printed = await run('upload.js')
    assert.match(printed, /^1000 measurements received through [1-9]\d* outages/m)
    assert.match(printed, /The server has every measurement, in order\.\n$/)
  })

  wholly('poison sets aside what no handler can digest, and retries it after a fix', async () => {
    const printed = await run('poison.js')
    assert.match(printed, /^3 orders booked, 1 failed after 3 deliveries each$/m)
    assert.match(printed, /Every order is booked, and none is left\.\n$/)
  })

  wholly('share has every job done, though a worker is killed', async () => {
    assert.match(await run('share.js'), /Every job is done, though a worker was killed\.\n$/)
  })

  wholly('threads has every picture done once', async () => {
    const printed = await run('threads.js')
    assert.match(printed, /^750 pictures of 3 threads, done by 4 others/m)
    assert.match(printed, /Every picture is done once\.\n$/)
  })

  wholly('crawler goes on where it was stopped', async () => {
    assert.match(await run('crawler.js'), /Every page was crawled, though the crawl was stopped in between\.\n$/)
  })

  wholly('priority-crawler crawls what is near before what is deep, though it is stopped in between', async () => {
    const printed = await run('priority-crawler.js')
    assert.match(printed, /^51 pages are known, and the crawl is stopped\n151 pages are known$/m)
    assert.match(printed, /those near the start before those that are deep\.\n$/)
  })

  wholly('sqlite-upload sends everything, though the network fails and a sender is killed', async () => {
    const printed = await run('sqlite-upload.js')
    assert.match(printed, /^noted +ready 300, to be tried again 0, under way 0, acked 0$/m)
    assert.match(printed, /^all sent +ready 0, to be tried again 0, under way 0, acked 300$/m)
    assert.match(printed, /The server has every fix, and each is acknowledged\.\n$/)
  })

  wholly('counter counts every word, by three processes at once', async () => {
    const printed = await run('counter.js')
    assert.match(printed, /^\d+ words, \d+ different ones; 'the' \d\d+ times$/m)
    assert.match(printed, /Every word is counted, by three processes at once\.\n$/)
  })

  wholly('lines copies a file through a sink that breaks', async () => {
    assert.match(await run('lines.js'), /The copy has every line once, in order\.\n$/)
  })

  it('lines copies a named file, in a named folder', async () => {
    const file = join(folder, 'some-lines')
    writeFileSync(file, Array.from({ length: 500 }, (_, i) => `zażółć ${i}, 🜁\n`).join(''))
    assert.match(await run('lines.js', [file, join(folder, 'lines')]), /^500 lines of .*some-lines/m)
    assert.equal(readFileSync(join(folder, 'lines', 'copy'), 'utf8'), readFileSync(file, 'utf8'))
  })

  // `npm start` is this, over a longer journey.
  wholly('the tracker brings every reading to its server, through five deaths and more', async () => {
    const printed = await run('tracker.js')
    assert.match(printed, /^device killed with -9 +[5-9]$/m)
    assert.match(printed, /Proved: the server has every reading, once, in order\.\n$/)
  })

  it('the tracker goes on where it was killed itself', async () => {
    const file = join(folder, 'long-journey')
    writeFileSync(file, Array.from({ length: 1000 }, (_, i) => `# ${i}\r\n\r\nreading ${i}\r\n`).join(''))
    const words = [file, join(folder, 'long')]
    const stopped = await new Promise<string>((resolve) => {
      const child = execFile(process.execPath, [join(examples, 'tracker.js'), ...words], (_, printed) =>
        resolve(printed),
      )
      let seen = ''
      child.stdout?.on('data', (text) => {
        seen += text
        if (/[1-9]\d* of 1,000 arrived/.test(seen)) child.kill('SIGKILL')
      })
    })
    assert.doesNotMatch(stopped, /Proved/)
    const printed = await run('tracker.js', words)
    assert.match(printed, /^Stopped before, it goes on: [1-9][\d,]* had arrived, /m)
    assert.match(printed, /^device killed with -9 +[1-9]$/m)
    assert.match(printed, /^readings on the server +1,000 /m)
    assert.match(printed, /Proved: the server has every reading, once, in order\.\n$/)
    assert.deepEqual(readdirSync(join(folder, 'long')), [])
  })

  it('each tells what it is for and takes, where it is asked', async () => {
    const parts = ['local.js', 'place.js', 'random.js', 'two-hosts.js']
    const named = readdirSync(examples).filter((name) => name.endsWith('.js') && !parts.includes(name))
    for (const name of CHECK ? named : named.slice(0, 1)) {
      const printed = await run(name, ['--help'])
      assert.ok(printed.startsWith(`// ${name.replace('.js', '.ts')}: `), name)
      assert.match(printed, /^\/\/ {3}(node dist\/examples\/|npm start)/m)
    }
  })

  wholly('the tracker reads standard input', async () => {
    const printed = await run('tracker.js', ['-'], 'one\ntwo\nthree')
    assert.match(printed, /^readings on the server +3 /m)
    assert.match(printed, /Proved: /)
  })

  it('their data file is what its program computes', () => {
    assert.equal([...crossing(), ''].join('\n'), readFileSync(shipped, 'utf8'))
  })
})

/** Runs an example to its end; rejects, with what it printed, where it fails. */
function run(name: string, words: readonly string[] = [], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [join(examples, name), ...words], (error, printed, complaints) => {
      if (error) reject(new Error(`${name} failed:\n${printed}${complaints}`, { cause: error }))
      else resolve(printed)
    })
    child.stdin?.end(input)
  })
}
