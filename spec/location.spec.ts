import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { UnsupportedError } from '../lib/errors.ts'
import { placeOf } from '../lib/location.ts'

const logs: readonly (readonly [string | URL, string])[] = [
  ['readings', resolve('readings')],
  ['./readings', resolve('readings')],
  ['../a/./b', resolve('../a/b')],
  ['/abs/dir', resolve('/abs/dir')],
  ['a b%20c', resolve('a b%20c')],
  ['./odd:name', resolve('odd:name')],
  ['dir/odd:name', resolve('dir/odd:name')],
  ['C:\\queues\\one', resolve('C:\\queues\\one')],
  ['c:relative', resolve('c:relative')],
  ['file:///abs/a%20b', resolve('/abs/a b')],
  ['FILE:///abs', resolve('/abs')],
  ['file:/abs/dir', resolve('/abs/dir')],
  ['file:./dir', resolve('dir')],
  ['file:dir', resolve('dir')],
  ['file:dir%3F%23', resolve('dir?#')],
  [new URL('file:///abs/dir'), resolve('/abs/dir')],
  [pathToFileURL('dir with space'), resolve('dir with space')],
]

describe('the queue, by its location,', () => {
  for (const [location, folder] of logs) {
    it(`is the directory ${folder} at ${location}`, () => {
      assert.deepEqual(placeOf(location), { kind: 'log', folder })
    })
  }

  it("is in memory, by a name or nobody else's", () => {
    assert.deepEqual(placeOf('memory:'), { kind: 'memory', name: '' })
    assert.deepEqual(placeOf('memory:jobs'), { kind: 'memory', name: 'jobs' })
    assert.deepEqual(placeOf('Memory:Jobs'), { kind: 'memory', name: 'Jobs' })
    assert.deepEqual(placeOf(new URL('memory:jobs')), { kind: 'memory', name: 'jobs' })
  })

  for (const location of ['nats://a,b/q']) {
    it(`is not built yet at ${location}`, () => assert.throws(() => placeOf(location), UnsupportedError))
  }

  for (const location of [
    'redis://host',
    'http://host/q',
    'my.queue:1',
    '',
    'a\0b',
    'file://host/share',
    'file:',
    'file:./dir?queue=name',
    'file:///abs/dir#part',
    'file:///abs/d%00ir',
    new URL('ftp://host/'),
  ]) {
    it(`is nowhere at ${JSON.stringify(location)}`, () => assert.throws(() => placeOf(location), TypeError))
  }

  it('is nowhere at what is neither a string nor a URL', () => {
    for (const location of [undefined, null, 7, {}]) assert.throws(() => placeOf(location as never), TypeError)
  })
})
