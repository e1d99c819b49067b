// Names of every kind, errors that keep the password to themselves, and places that are no queue of this version.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { type Connection, createConnection } from 'mysql2/promise'
import { AsyncQueue, FormatError, StorageError, UnsupportedError } from '../../lib/index.ts'
import { addressOf } from '../../lib/mysql/address.ts'
import { connect } from '../../lib/mysql/driver.ts'
import { checkVersion } from '../../lib/mysql/settings.ts'
import { connectingTo, PASSWORD, sharedPort, urlOf, withServer } from './server.ts'

const NAMES = [
  "it's",
  'a "b" `c`',
  'back\\slash; DROP TABLE spoolq_items; --',
  ' space ',
  'Ä',
  'A\u0308',
  'ä',
  'a',
  'A',
  'a ',
  'pct %41 + & = ? #',
  '🦆🏴‍☠️',
  '漢字 كلمة',
  '\u202e\u0000\n\t',
  '*'.repeat(255),
  '🦆'.repeat(255),
]

function shows(value: unknown): string {
  const error = value as { message?: unknown; stack?: unknown; cause?: { message?: unknown; stack?: unknown } }
  const shown = inspect(value, { depth: 12, showHidden: true, getters: true })
  return [shown, error.message, error.stack, error.cause?.message, error.cause?.stack, JSON.stringify(value)].join('\n')
}

await withServer(() => {
  describe('the queue in a MySQL database', { timeout: 240_000 }, () => {
    const databases: string[] = []
    let root: Connection
    before(async () => {
      root = await createConnection(connectingTo(await sharedPort()))
    })
    after(async () => {
      for (const name of databases) await root.query('DROP DATABASE IF EXISTS ??', [name])
      await root.end()
    })
    const database = async (name: string): Promise<string> => {
      databases.push(name)
      await root.query('CREATE DATABASE ??', [name])
      return urlOf(await sharedPort(), 'q').replace(/\/[^/?]*\?/, `/${encodeURIComponent(name)}?`)
    }

    it('has any name, and is another one for each', async () => {
      const prefix = randomUUID().slice(0, 8)
      const names = NAMES.map((name) => [...`${prefix}${name}`].slice(0, 255).join(''))
      const port = await sharedPort()
      const fill = async (name: string, i: number): Promise<void> => {
        await using queue = await AsyncQueue.open<number>(urlOf(port, name))
        await queue.put(i)
      }
      await Promise.all(names.map(fill))
      for (const [i, name] of names.entries()) {
        await using queue = await AsyncQueue.open<number>(urlOf(port, name))
        assert.deepEqual(await queue.peek(9), [i], name)
      }
    })

    it('is in a database of any name that the server has', async () => {
      const url = await database(`d'b "x\` ${randomUUID().slice(0, 8)} ü`)
      await using queue = await AsyncQueue.open<number>(url)
      await queue.put(1)
      assert.equal(await queue.pop(), 1)
    })

    it('keeps the password to itself when nobody is let in', async () => {
      const secret = "s3cr3t'%/pass"
      const port = await sharedPort()
      const wrong = urlOf(port, 'q').replace(encodeURIComponent(PASSWORD), encodeURIComponent(secret))
      const closed = urlOf(1, 'q').replace(encodeURIComponent(PASSWORD), encodeURIComponent(secret))
      const nowhere = urlOf(port, 'q').replace('/spool%20it', '/no%20such')
      for (const url of [wrong, closed, nowhere]) {
        const error = await AsyncQueue.open(url).then(
          () => assert.fail('it opened'),
          (reason: unknown) => reason,
        )
        assert.ok(error instanceof StorageError, String(error))
        assert.equal(error.name, 'StorageError')
        const shown = shows(error)
        for (const word of [secret, PASSWORD]) {
          for (const form of [word, encodeURIComponent(word), JSON.stringify(word).slice(1, -1)]) {
            assert.ok(!shown.includes(form), `it shows ${form}`)
          }
        }
      }
    })

    it('keeps the password to itself when it is shown', async () => {
      await using queue = await AsyncQueue.open(urlOf(await sharedPort(), randomUUID()))
      const shown = shows(queue)
      assert.ok(!shown.includes(PASSWORD) && !shown.includes(encodeURIComponent(PASSWORD)))
    })

    it('does not open in tables of a newer version, or of somebody else', async () => {
      const newer = await database(`newer ${randomUUID()}`)
      await (await AsyncQueue.open(newer)).close()
      await root.query('UPDATE ??.spoolq_schema SET version = 2', [databases.at(-1)])
      await assert.rejects(AsyncQueue.open(newer), (error: unknown) => {
        assert.ok(error instanceof FormatError)
        return /version 2/.test(error.message)
      })
      const foreign = await database(`foreign ${randomUUID()}`)
      await root.query('CREATE TABLE ??.spoolq_queues (name INT)', [databases.at(-1)])
      await assert.rejects(AsyncQueue.open(foreign), FormatError)
    })

    it('says which package it needs where there is none', async () => {
      const missing = async (): Promise<never> => {
        throw Object.assign(new Error("Cannot find package 'mysql2'"), { code: 'ERR_MODULE_NOT_FOUND' })
      }
      await assert.rejects(connect(addressOf('mysql://u:secret@h/d'), missing), (error: unknown) => {
        assert.ok(error instanceof UnsupportedError)
        return /mysql2/.test(error.message) && /npm i mysql2/.test(error.message)
      })
    })

    it('needs a server that can skip what is locked', () => {
      for (const version of [
        '8.0.1',
        '8.4.3',
        '9.1.0-log',
        '10.6.0-MariaDB',
        '5.5.5-10.11.2-MariaDB-1',
        '12.0.1-MariaDB',
      ]) {
        assert.doesNotThrow(() => checkVersion(version, 'x'), version)
      }
      for (const version of ['5.7.44', '8.0.0', '10.5.20-MariaDB', '5.5.5-10.3.1-MariaDB']) {
        assert.throws(() => checkVersion(version, 'x'), UnsupportedError, version)
      }
    })
  })
})
