// A map does what a Map does: random calls through two handles, awaited one by one or made at once, walks that go on
// while others change things, and reopening; after each of them all results and all entries are compared.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { PersistentMap } from '../../lib/index.ts'
import { collect } from './suite.ts'

const RUNS = process.env.SPOOLQ_CHECK === '1' ? 400 : 25
const COMMANDS = 40
const KEYS = ['', 'a', 'b', 'c', '__proto__', '\0', '\ud83d', '🐢', 'constructor', '1']

type Name = 'get' | 'has' | 'set' | 'delete' | 'clear' | 'size'

interface Call {
  readonly name: Name
  readonly key: string
  readonly value: number
}

type Command =
  | { readonly kind: 'calls'; readonly handle: 0 | 1; readonly calls: readonly Call[] }
  | { readonly kind: 'update'; readonly handle: 0 | 1; readonly key: string }
  | { readonly kind: 'walk' | 'step' | 'reopen'; readonly handle: 0 | 1 }

const handle = fc.constantFrom<0 | 1>(0, 1)
const key = fc.constantFrom(...KEYS)
const name = fc.constantFrom<Name>('get', 'has', 'set', 'set', 'set', 'set', 'delete', 'delete', 'size')
const call: fc.Arbitrary<Call> = fc.record({ name, key, value: fc.nat() })
const calls = fc.oneof({ weight: 2, arbitrary: fc.tuple(call) }, fc.array(call, { minLength: 2, maxLength: 12 }))
const clear = fc.constant([{ name: 'clear', key: '', value: 0 } satisfies Call])
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('calls'), handle, calls }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('calls'), handle, calls: clear }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('update'), handle, key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('walk'), handle }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('step'), handle }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen'), handle }) },
)

/** A walk, and the same one over the model. */
interface Walking {
  readonly found: AsyncGenerator<[string, number], undefined, undefined>
  readonly expected: Iterator<[string, number]>
}

class Run {
  readonly #location: string
  readonly #maps: PersistentMap<number>[] = []
  readonly #model = new Map<string, number>()
  readonly #walks: (Walking | undefined)[] = []

  constructor(location: string) {
    this.#location = location
  }

  async begin(): Promise<void> {
    for (const at of [0, 1]) this.#maps[at] = await PersistentMap.open(this.#location, { durability: 'os' })
  }

  async do(command: Command): Promise<void> {
    const map = this.#maps[command.handle]
    assert.ok(map)
    if (command.kind === 'calls') await this.#calls(map, command)
    if (command.kind === 'update') await this.#update(map, command)
    if (command.kind === 'walk') this.#walks[command.handle] = { found: map.entries(), expected: this.#model.entries() }
    if (command.kind === 'step') await this.#step(command.handle)
    if (command.kind === 'reopen') await this.#reopen(map, command.handle)
    const other = this.#maps[1 - command.handle]
    assert.deepEqual(other && (await collect(other)), [...this.#model])
  }

  async #calls(map: PersistentMap<number>, { handle, calls }: Extract<Command, { kind: 'calls' }>): Promise<void> {
    const found = calls.map((call) => made(map, call))
    const expected = calls.map((call) => modelled(this.#model, call))
    assert.deepEqual(await Promise.all(found), expected)
    if (calls.some(({ name }) => name === 'set' || name === 'delete' || name === 'clear')) this.#others(handle)
  }

  async #update(map: PersistentMap<number>, { handle, key }: Extract<Command, { kind: 'update' }>): Promise<void> {
    const add = (n: number) => map.update(key, (old = 0) => old + n)
    const old = this.#model.get(key) ?? 0
    assert.deepEqual(await Promise.all([add(1), add(10), add(100)]), [old + 1, old + 11, old + 111])
    this.#model.set(key, old + 111)
    this.#others(handle)
  }

  async #step(handle: 0 | 1): Promise<void> {
    const walk = this.#walks[handle]
    if (walk === undefined) return
    const { value, done } = walk.expected.next()
    assert.deepEqual(await walk.found.next(), done ? { value: undefined, done: true } : { value, done: false })
  }

  /** What other handles change, a walk may meet later: it is not to the letter any more. */
  #others(handle: 0 | 1): void {
    this.#walks[1 - handle] = undefined
  }

  async #reopen(map: PersistentMap<number>, handle: 0 | 1): Promise<void> {
    await map.close()
    this.#walks[handle] = undefined
    this.#maps[handle] = await PersistentMap.open(this.#location, { durability: 'os' })
  }

  async end(): Promise<void> {
    for (const map of this.#maps) await map.close()
  }
}

function made(map: PersistentMap<number>, { name, key, value }: Call): Promise<unknown> {
  if (name === 'set') return map.set(key, value)
  return name === 'clear' || name === 'size' ? map[name]() : map[name](key)
}

function modelled(model: Map<string, number>, { name, key, value }: Call): unknown {
  if (name === 'size') return model.size
  if (name === 'set') return void model.set(key, value)
  if (name !== 'clear') return model[name](key)
  const { size } = model
  model.clear()
  return size
}

const folder = await mkdtemp(join(tmpdir(), 'spoolq-map-'))
const places: Readonly<Record<string, () => string>> = {
  memory: () => `memory:${randomUUID()}`,
  sqlite: () => `sqlite:${folder}/maps.db?map=${randomUUID()}`,
}

describe('a map does what a Map does', { timeout: 1_800_000 }, () => {
  let keeper: PersistentMap
  before(async () => {
    keeper = await PersistentMap.open(places.sqlite?.() ?? '')
  })
  after(async () => {
    await keeper.close()
    await rm(folder, { recursive: true, force: true })
  })

  for (const [store, location] of Object.entries(places)) {
    it(`over ${store}, in ${RUNS} runs`, async (t) => {
      let commands = 0
      const doAll = async (all: readonly Command[]): Promise<void> => {
        const run = new Run(location())
        try {
          await run.begin()
          for (const each of all) await run.do(each)
        } finally {
          await run.end()
        }
        commands += all.length
      }
      await fc.assert(fc.asyncProperty(fc.array(command, { minLength: 20, maxLength: COMMANDS }), doAll), {
        numRuns: RUNS,
      })
      t.diagnostic(`${commands} commands`)
      assert.ok(commands >= RUNS * 20)
    })
  }
})
