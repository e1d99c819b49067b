// without-native.spec.ts: msgpackr reads texts by other code where its optional native part is not installed.
//
// A process of its own: it starts one.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'

it('the queue gives back what was put where msgpackr has no native part', () => {
  const specs = fileURLToPath(new URL('random-items.spec.js', import.meta.url))
  const env = { ...process.env, MSGPACKR_NATIVE_ACCELERATION_DISABLED: 'true', SPOOLQ_CHECK: '', NODE_TEST_CONTEXT: '' }
  const words = ['--test-reporter=tap', '--test-name-pattern=msgpack', specs]
  const { status, stdout } = spawnSync(process.execPath, words, { env, encoding: 'utf8' })
  assert.equal(status, 0, stdout)
  assert.match(stdout, /^# pass 1$/m)
})
