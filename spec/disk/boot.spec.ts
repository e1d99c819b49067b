import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BootSources, readBootId } from '../../lib/disk/boot.ts'

const LINUX = '5a1c9f0e-33aa-4c4e-9d3e-0b8f6d6f2a11'
const DARWIN = 'E6F0B1D2-5C0A-4A37-8B27-6D6B7A0C9F55'

function missing(): never {
  throw Object.assign(new Error('there is no such thing here'), { code: 'ENOENT' })
}

function machine(changes: Partial<BootSources>): BootSources {
  const none = { linux: missing, darwin: missing, nowMs: () => 1_700_000_000_000, uptimeSeconds: () => 1000 }
  return { platform: 'linux', ...none, ...changes }
}

test('the start of the machine is what Linux says, or macOS', () => {
  assert.equal(readBootId(machine({ linux: () => `${LINUX}\n` })), LINUX)
  assert.equal(readBootId(machine({ platform: 'darwin', darwin: () => `${DARWIN}\n` })), DARWIN.toLowerCase())
})

test('setting the clock of a Mac is no new start of it', () => {
  const mac = { platform: 'darwin', darwin: () => `${DARWIN}\n` } as const
  const before = readBootId(machine(mac))
  assert.equal(readBootId(machine({ ...mac, nowMs: () => 1_700_050_000_000 })), before)
})

test('a start that nothing tells, or something else than an id, is derived from the clock', () => {
  const derived = `minute-${Math.round((1_700_000_000 - 1000) / 60)}`
  assert.equal(readBootId(machine({ platform: 'freebsd' })), derived)
  assert.equal(readBootId(machine({ platform: 'darwin' })), derived)
  for (const said of ['', '\n', 'sysctl: unknown oid', `${LINUX}0`]) {
    assert.equal(readBootId(machine({ linux: () => said })), derived, JSON.stringify(said))
    assert.equal(readBootId(machine({ platform: 'darwin', darwin: () => said })), derived, JSON.stringify(said))
  }
})
