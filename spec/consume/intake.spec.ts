// intake.spec.ts: what a stream takes in beside its buffer, over appends that the specs hold and fail.

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, it } from 'node:test'
import { Intake } from '../../lib/consume/intake.ts'
import { WriteStream } from '../../lib/consume/write-stream.ts'
import { CodecError, StorageError } from '../../lib/errors.ts'
import { turns } from '../queue/place.ts'
import { Script } from './scripted-store.ts'

/** A stream into a store whose appends wait until they are let go on. */
class Rig {
  readonly script: Script
  readonly stream: WriteStream<unknown>
  /** How many items each append has brought. */
  readonly appends: number[] = []
  readonly errors: Error[] = []
  #waiting: (() => void)[] = []
  /** The next append fails. */
  failing: Error | undefined
  held = true

  static async open(highWaterMark = 16): Promise<Rig> {
    return new Rig(await Script.with(0), highWaterMark)
  }

  private constructor(script: Script, highWaterMark: number) {
    this.script = script
    const made = new Intake<unknown>(script.core, async (documents, count) => {
      this.appends.push(count)
      if (this.held) await new Promise<void>((resolve) => this.#waiting.push(resolve))
      if (this.failing !== undefined) throw this.failing
      return (await script.store.append(documents)) ?? Number.NaN
    })
    const put = () => Promise.reject(new Error('not asked'))
    this.stream = new WriteStream<unknown>({ put, intake: () => made }, highWaterMark)
    this.stream.on('error', (error) => this.errors.push(error))
  }

  async goOn(): Promise<void> {
    for (const resolve of this.#waiting.splice(0)) resolve()
    await turns()
  }

  async goOnForGood(): Promise<void> {
    this.held = false
    await this.goOn()
  }

  async items(): Promise<unknown[]> {
    const reader = this.script.core.reader()
    return (await this.script.store.peek(10_000)).flatMap((piece) => reader.take(piece).items)
  }
}

/** What the callbacks of the writes said. */
function write(rig: Rig, items: readonly unknown[]): string[] {
  const outcomes: string[] = []
  for (const [i, item] of items.entries()) {
    rig.stream.write(item, (error) => {
      outcomes[i] = error?.message ?? 'ok'
    })
  }
  return outcomes
}

describe('a stream into the queue', () => {
  it('makes long batches of a source that brings a few at a time', async () => {
    const rig = await Rig.open()
    await rig.goOnForGood()
    const items = Array.from({ length: 5000 }, (_, i) => i)
    await pipeline(Readable.from(items), rig.stream)
    assert.deepEqual(await rig.items(), items)
    assert.ok(rig.appends.length < 60, `${rig.appends.length} appends of 5,000 items`)
  })

  it('takes in a document of items and its buffer, and no more, while they are not durable', async () => {
    const rig = await Rig.open()
    let produced = 0
    function* source(): Generator<number> {
      while (produced < 2000) yield produced++
    }
    const done = pipeline(Readable.from(source(), { highWaterMark: 1 }), rig.stream)
    await turns()
    await turns()
    const [first = 0] = rig.appends
    assert.equal(rig.appends.length, 1)
    assert.ok(produced <= first + 3 * 16, `${produced} items were taken from the source for an append of ${first}`)
    await rig.goOnForGood()
    await done
    assert.equal((await rig.items()).length, 2000)
    assert.ok(Math.max(...rig.appends) <= 256 + 16)
  })

  it('calls back and finishes when they are durable', async () => {
    const rig = await Rig.open()
    const outcomes = write(rig, [1, 2, 3])
    let finished = false
    rig.stream.end(() => {
      finished = true
    })
    await turns()
    assert.deepEqual([rig.appends, outcomes, finished], [[3], [], false])
    await rig.goOn()
    assert.deepEqual([outcomes, finished], [['ok', 'ok', 'ok'], true])
  })

  it('puts those before an item that can not be encoded, and tells each what became of it', async () => {
    const rig = await Rig.open(2)
    await rig.goOnForGood()
    const outcomes = write(rig, ['a', 'b', 'c', 10n, 'd'])
    await new Promise<void>((resolve) => rig.stream.once('close', resolve))
    await turns()
    assert.deepEqual(outcomes.slice(0, 3), ['ok', 'ok', 'ok'])
    assert.match(outcomes[3] ?? '', /can't be encoded/)
    assert.match(outcomes[4] ?? '', /can't be encoded/)
    assert.deepEqual(await rig.items(), ['a', 'b', 'c'])
    assert.equal(rig.errors.length, 1)
    assert.ok(rig.errors[0] instanceof CodecError)
  })

  it('fails once, with all that was not durable, where they can not be put', async () => {
    const rig = await Rig.open()
    rig.failing = new StorageError('the disk is on fire')
    const first = write(rig, ['a', 'b'])
    await turns()
    const second = write(rig, ['c', 'd'])
    await turns()
    await rig.goOn()
    await turns()
    assert.deepEqual([first, second].flat(), Array(4).fill('the disk is on fire'))
    assert.deepEqual(rig.errors, [rig.failing])
    assert.equal(rig.stream.destroyed, true)
    assert.deepEqual(rig.appends, [2])
  })

  it('puts what it has taken in where it is destroyed, or the queue closes', async () => {
    for (const end of ['destroy', 'close'] as const) {
      const rig = await Rig.open()
      await rig.goOnForGood()
      const outcomes = write(rig, ['a', 'b'])
      await new Promise<void>((resolve) => process.nextTick(resolve))
      if (end === 'destroy') rig.stream.destroy()
      else for (const flush of rig.script.core.unwritten) flush()
      await turns()
      assert.deepEqual(await rig.items(), ['a', 'b'])
      assert.deepEqual(outcomes, ['ok', 'ok'])
      assert.equal(rig.script.core.unwritten.size, 0)
    }
  })
})
