// The example of two hosts, as a reader runs it.
// A process of its own: it starts others.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { sharedPort, urlOf, withServer } from './server.ts'

const run = promisify(execFile)
const example = fileURLToPath(new URL('../../examples/two-hosts.js', import.meta.url))

await withServer(() => {
  describe('the example of two hosts', { timeout: 240_000 }, () => {
    it('has every order packed, though a host is gone', async () => {
      const { stdout } = await run(process.execPath, [example, urlOf(await sharedPort(), randomUUID())])
      assert.match(stdout, /^the warehouse is gone after [1-9]\d* orders$/m)
      assert.match(stdout, /^the shop packed [1-9]\d* orders$/m)
      assert.match(stdout, /Every order is packed, though a host is gone\.\n$/)
    })

    it('says what it needs where it is told of no database', async () => {
      const { stdout } = await run(process.execPath, [example])
      assert.match(stdout, /two-hosts\.js mysql:\/\/user:password@host\/database\n$/)
    })
  })
})
