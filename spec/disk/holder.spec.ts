import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { test } from 'node:test'
import { threadId } from 'node:worker_threads'
import { derivedBootId, sameBoot } from '../../lib/disk/boot.ts'
import { format, type Holder, isAlive, parse, self } from '../../lib/disk/holder.ts'

const isLinux = process.platform === 'linux'

function withChanges(changes: Partial<Holder>): Holder {
  return { ...self(), ...changes }
}

test('a holder is one line, and back', () => {
  assert.deepEqual(parse(format(self())), self())
  assert.equal(format(self()).indexOf('\n'), format(self()).length - 1)
  assert.deepEqual([self().pid, self().thread], [process.pid, threadId])
  for (const text of [
    '',
    '\n',
    'released\n',
    '1 0 - -\n',
    '0 0 - - b\n',
    'x 0 - - b\n',
    '1 0 - - b c\n',
    '\0'.repeat(90),
  ]) {
    assert.equal(parse(text), undefined, JSON.stringify(text))
  }
})

test('a holder is alive as long as its thread', async () => {
  assert.equal(isAlive(self()), true)
  const child = spawn('sleep', ['60'])
  const of = (pid: number | undefined) => withChanges({ pid: pid ?? 0, task: '-', start: '-' })
  assert.equal(isAlive(of(child.pid)), true)
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.equal(isAlive(of(child.pid)), false)
})

test('a holder from before the machine started again is dead', () => {
  assert.equal(isAlive(withChanges({ boot: 'another' })), false)
})

test('a holder whose pid or thread has been given out again is dead', (t) => {
  if (!isLinux) return t.skip('needs /proc')
  assert.equal(isAlive(withChanges({ start: '1' })), false)
  assert.equal(isAlive(withChanges({ task: `${process.pid}/task/1` })), false)
})

test('a holder that was killed and not yet waited for is dead', async (t) => {
  if (!isLinux) return t.skip('needs /proc')
  // The shell's child ends, and its successor by exec does not wait for it.
  const parent = spawn('sh', ['-c', 'sleep 0.01 & echo $!; exec sleep 60'])
  t.after(() => parent.kill('SIGKILL'))
  const pid = Number(String((await once(parent.stdout, 'data'))[0]))
  const holder = withChanges({ pid, task: String(pid), start: startOf(pid) })
  while (isAlive(holder)) await new Promise((resolve) => setTimeout(resolve, 2))
  assert.equal(process.kill(pid, 0), true, 'its pid is still there')
})

function startOf(pid: number): string {
  return fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[19] ?? ''
}

test('a derived start of the machine is the same when it is taken again a little off', () => {
  const start = 1_700_000_000_000
  const one = derivedBootId(start, 1000)
  assert.equal(one, derivedBootId(start + 50_000, 1050))
  assert.equal(sameBoot(derivedBootId(start + 29_900, 0), derivedBootId(start + 30_100, 0)), true)
  assert.equal(sameBoot(one, derivedBootId(start + 1_000_000, 10)), false)
  assert.equal(sameBoot(one, 'a-boot-id'), false)
  assert.equal(sameBoot('a-boot-id', 'a-boot-id'), true)
})
