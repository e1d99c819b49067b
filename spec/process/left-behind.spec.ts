// left-behind.spec.ts: each call, and each of its failures, leaves nothing behind in the process once its handle is closed: no
// descriptor, no thread, no timer, no listener. What no method's row covers is told by spec/queue/living and spec/map/living.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

// In memory where that can be: a hundred databases are made, and each is synced.
const scratch = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'spoolq-left-'))
after(() => rm(scratch, { recursive: true, force: true }))

describe('the process in which a queue was', {
  skip: process.platform !== 'linux' && 'nothing counts descriptors here',
}, () => {
  for (const store of ['log', 'sqlite', 'memory']) {
    it(`has nothing left of any call and any failure of it, over ${store}`, async () => {
      const program = fileURLToPath(new URL('./leaver.js', import.meta.url))
      const folder = await mkdtemp(join(scratch, `${store}-`))
      const { stdout } = await promisify(execFile)(process.execPath, [program, store, folder])
      assert.deepEqual(JSON.parse(stdout), [])
    })
  }
})
