import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { AsyncQueue } from '../../lib/index.ts'

const scratch = await mkdtemp(join(tmpdir(), 'spoolq-events-'))
after(() => rm(scratch, { recursive: true, force: true }))

describe('log: the queue', () => {
  it('tells in the turn after opening what that had to mend', async () => {
    const [live, copied] = [join(scratch, 'live'), join(scratch, 'copied')]
    const queue = await AsyncQueue.open(live)
    await queue.putMany([1, 2, 3])
    const items = queue.items()
    await items.next()
    // What a kill would leave behind: the item in hand is held by an owner that is not alive.
    await cp(live, copied, { recursive: true })
    const told: unknown[] = []
    const listen = (message: unknown): void => {
      told.push(message)
    }
    subscribe('spoolq:recovered', listen)
    const again = await AsyncQueue.open(copied)
    const [report] = await once(again, 'recovered')
    assert.equal(report.reclaimed, 1)
    assert.deepEqual(told, [{ location: copied, ...report }])
    assert.deepEqual(await again.pop(9), [1, 2, 3])
    unsubscribe('spoolq:recovered', listen)
    await again.close()
    await items.return(undefined)
    await queue.close()
  })

  it('tells of nothing where nothing had to be mended', async () => {
    const location = join(scratch, 'clean')
    const queue = await AsyncQueue.open(location)
    await queue.put(1)
    await queue.close()
    const again = await AsyncQueue.open(location)
    again.on('recovered', () => assert.fail('nothing had to be mended'))
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    await again.close()
  })

  it('tells of damage', async () => {
    const location = join(scratch, 'damaged')
    await using before = await AsyncQueue.open<string>(location)
    await before.put('lost')
    await before.put('kept')
    await before.close()
    const file = join(location, '00000000000000000001.0.log')
    const bytes = await readFile(file)
    const at = bytes.indexOf('lost')
    bytes.write('LOST', at)
    await writeFile(file, bytes)
    const told: unknown[] = []
    const listen = (message: unknown): void => void told.push(message)
    subscribe('spoolq:corruption', listen)
    await using queue = await AsyncQueue.open<string>(location)
    const [[report]] = await Promise.all([once(queue, 'corruption'), queue.pop()])
    unsubscribe('spoolq:corruption', listen)
    assert.equal(report.lost, 1)
    assert.ok(report.offset <= at && at < report.offset + report.bytes)
    assert.deepEqual(told, [{ location, ...report }])
    assert.equal((await queue.stats()).lost, 1)
  })

  it('tells of a flush', async () => {
    const location = join(scratch, 'flushed')
    const queue = await AsyncQueue.open(location)
    const told: unknown[] = []
    const listen = (message: unknown): void => void told.push(message)
    subscribe('spoolq:flush', listen)
    await queue.putMany(['a', 'b'])
    await queue.pop(2)
    const flushed = once(queue, 'flush')
    const { reclaimed } = await queue.flush()
    assert.deepEqual(await flushed, [{ reclaimed }])
    unsubscribe('spoolq:flush', listen)
    assert.deepEqual(told, [{ location, reclaimed }])
    await queue.close()
  })
})
