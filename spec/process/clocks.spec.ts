// clocks.spec.ts: leases and delays of real processes, while somebody sets the wall clock, in time namespaces (containers
// have them), and after a reboot. What may not be early has an hour, and the clocks jump by more than that; what has to
// come has 100 ms, and is waited for.

import assert from 'node:assert/strict'
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CHECK } from '../layers.ts'
import { type Act, HOUR, perform, preload } from './clock-part.ts'

const program = fileURLToPath(new URL('./clock-part.js', import.meta.url))
const SOON = 100
const ends: (() => void)[] = []
after(() => {
  for (const end of ends.reverse()) end()
})

interface Part {
  readonly act: (act: Act) => Promise<readonly string[]>
  readonly kill: () => Promise<void>
}

/** Loaded under a command of its own, where there is one: `unshare …`. Its wall clock is ahead by so much. */
function start(folder: string, { under = [] as string[], ahead = 0, name = 'shift' } = {}): Part {
  const shift = join(folder, name)
  writeFileSync(shift, String(ahead))
  const [execPath = process.execPath, ...before] = under.length > 0 ? [...under, process.execPath] : []
  const child: ChildProcess = fork(program, ['clock-part'], {
    execPath,
    execArgv: [...before, '--import', preload],
    env: { ...process.env, SPOOLQ_SPEC_SHIFT: shift },
  })
  ends.push(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit').then(() => ({ error: 'the process has ended' }))
  return {
    async act(act) {
      child.send(act)
      // What doesn't come within 200 times its delay never does; and then nothing else is waited for.
      const late = setTimeout(() => child.kill('SIGKILL'), 200 * SOON)
      const heard = once(child, 'message').then(([reply]) => reply)
      const { answer, error } = await Promise.race([heard, ended])
      clearTimeout(late)
      assert.equal(error, undefined)
      return answer
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'spoolq-clocks-'))
  ends.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

const places = {
  memory: () => 'memory:clocks',
  log: (at: string) => `${at}/log`,
  sqlite: (at: string) => `sqlite:${at}/q.db`,
}

async function stock({ act }: Part, place: string, ms: number): Promise<void> {
  await act({ act: 'open', place, leaseTimeout: ms })
  await act({ act: 'put', item: 'held', delay: 0 })
  assert.deepEqual(await act({ act: 'lease' }), ['held'])
  await act({ act: 'put', item: 'late', delay: ms })
}

describe('a process whose wall clock is set', () => {
  const folder = newFolder()
  let part: Part
  before(() => {
    part = start(folder)
  })

  it('meets the new time at once', async () => {
    const [right] = await part.act({ act: 'jump', ms: 0 })
    const [wrong] = await part.act({ act: 'jump', ms: 24 * HOUR })
    assert.ok(Number(wrong) - Number(right) >= 24 * HOUR)
  })

  for (const [store, placeIn] of Object.entries(places)) {
    it(`over ${store} ends no lease and no delay early: a day forward, and back`, async () => {
      await part.act({ act: 'jump', ms: 0 })
      await stock(part, placeIn(folder), HOUR)
      for (const ms of [24 * HOUR, -24 * HOUR]) {
        await part.act({ act: 'jump', ms })
        assert.deepEqual(await part.act({ act: 'ready' }), [])
        // Another handle, whose first look at the clock is of now.
        await part.act({ act: 'open', place: placeIn(folder), leaseTimeout: HOUR })
        assert.deepEqual(await part.act({ act: 'ready' }), [])
      }
      await part.act({ act: 'ack' })
      await part.act({ act: 'close' })
    })

    it(`over ${store} ends them when they are due, with the clock a day back`, async () => {
      await part.act({ act: 'jump', ms: 0 })
      await stock(part, `${placeIn(folder)}2`, SOON)
      await part.act({ act: 'jump', ms: -24 * HOUR })
      const items = await part.act({ act: 'next', count: 2 })
      assert.deepEqual([...items].sort(), ['held', 'late'])
      await part.act({ act: 'close' })
    })
  }
})

/** `undefined`, and said loudly, where the kernel or the user's rights don't have it. */
function unshared(t: TestContext, args: readonly string[]): string[] | undefined {
  const under = ['unshare', ...args]
  const tried = spawnSync(under[0] ?? '', [...under.slice(1), process.execPath, '-e', ''])
  if (tried.status === 0) return under
  t.skip(`NOT TRIED: ${under.join(' ')} needs Linux, root and util-linux`)
  return undefined
}

const OTHER_TIME = ['--time', '--monotonic', '100000', '--boottime', '100000', '--fork', '--kill-child']

describe('two processes, one in a time namespace a day ahead', () => {
  const folder = newFolder()
  const here: Part = { act: perform, kill: async () => {} }
  let inside: Part | undefined

  for (const [store, placeIn] of Object.entries({ log: places.log, sqlite: places.sqlite })) {
    it(`judge leases and delays of each other as their own, over ${store}`, async (t) => {
      const under = unshared(t, OTHER_TIME)
      if (under === undefined) return
      inside ??= start(folder, { under })
      await stock(here, placeIn(folder), HOUR)
      await inside.act({ act: 'open', place: placeIn(folder), leaseTimeout: SOON })
      assert.deepEqual(await inside.act({ act: 'ready' }), [])
      await inside.act({ act: 'put', item: 'inside', delay: 0 })
      assert.deepEqual(await inside.act({ act: 'lease' }), ['inside'])
      await inside.act({ act: 'put', item: 'late inside', delay: SOON })
      const items = await here.act({ act: 'next', count: 2 })
      assert.deepEqual([...items].sort(), ['inside', 'late inside'])
      for (const part of [inside, here]) {
        const ready = await part.act({ act: 'ready' })
        assert.ok(!ready.includes('held') && !ready.includes('late'), ready.join())
      }
      // Not settled, it would be waited for.
      await here.act({ act: 'ack' })
      for (const part of [inside, here]) await part.act({ act: 'close' })
    })
  }
})

// Six processes: in the short form, spec/wait/host-time.spec.ts does it with clocks of its own.
for (const [store, placeIn] of Object.entries(CHECK ? { log: places.log, sqlite: places.sqlite } : {})) {
  describe(`a process over ${store} after a reboot`, () => {
    it('goes by the wall clock, which in the same boot counts for nothing', async (t) => {
      const folder = newFolder()
      writeFileSync(join(folder, 'boot'), '5a1c9f0e-33aa-4c4e-9d3e-0b8f6d6f2a11\n')
      const mount = `mount --bind '${folder}/boot' /proc/sys/kernel/random/boot_id && exec "$0" "$@"`
      const under = unshared(t, ['--mount', 'sh', '-c', mount])
      if (under === undefined) return
      const first = start(folder)
      await stock(first, placeIn(folder), HOUR)
      await first.act({ act: 'put', item: 'later', delay: 48 * HOUR })
      await first.kill()
      const same = start(folder, { ahead: 24 * HOUR })
      await same.act({ act: 'open', place: placeIn(folder), leaseTimeout: HOUR })
      assert.deepEqual(await same.act({ act: 'ready' }), ['held'])
      await same.kill()
      // The clock was a day ahead when the machine went down: what is due goes along, as a user would read it.
      const rebooted = start(folder, { under, ahead: 26 * HOUR })
      await rebooted.act({ act: 'open', place: placeIn(folder), leaseTimeout: HOUR })
      assert.deepEqual(await rebooted.act({ act: 'ready' }), ['held', 'late'])
    })
  })
}
