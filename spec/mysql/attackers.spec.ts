// A server that lies, or somebody on the way to it: what it gets of the password, of this machine's files, and of what it
// answers. No lie ends the process; each is an error of the queue that shows no password.

import assert from 'node:assert/strict'
import { generateKeyPairSync, privateDecrypt } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import { inspect } from 'node:util'
import { AsyncQueue, StorageError } from '../../lib/index.ts'
import { rowOf } from '../../lib/mysql/rows.ts'
import { CHECK } from '../layers.ts'
import { Liar, type Lies, LOCAL_FILES, more, OK, switchTo } from './liar.ts'
import { PASSWORD } from './server.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 1024,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const FUZZ = CHECK ? 3000 : 60

async function started(t: TestContext, lies: Lies): Promise<Liar> {
  const liar = await Liar.start(lies)
  t.after(() => liar.stop())
  return liar
}

async function refused(location: string, words: RegExp): Promise<void> {
  await assert.rejects(AsyncQueue.open(location), (error: unknown) => {
    assert.ok(error instanceof StorageError, String(error))
    assert.match(error.message, words)
    assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(PASSWORD))
    return true
  })
}

describe('the queue at a MySQL server that lies', () => {
  it('gives it no password in clear, unless its URL allows that', async (t) => {
    const liar = await started(t, { script: (heard) => (heard === 0 ? [switchTo('mysql_clear_password')] : undefined) })
    await refused(liar.url(), /in clear.*ssl=verify or ssl=required.*allowCleartextPasswords=true/)
    await refused(liar.url('allowPublicKeyRetrieval=true'), /in clear/)
    assert.ok(!liar.heard.includes(PASSWORD))
    await refused(liar.url('allowCleartextPasswords=true'), /lost/)
    assert.ok(liar.heard.includes(`${PASSWORD}\0`))
  })

  for (const plugin of ['sha256_password', 'caching_sha2_password']) {
    it(`gives it no password for a key of its own by ${plugin}, unless its URL allows that`, async (t) => {
      const answers = [
        [switchTo(plugin)],
        ...(plugin === 'sha256_password' ? [] : [[more(4)]]),
        [more(publicKey)],
        undefined,
      ]
      const liar = await started(t, { script: (heard) => answers[heard] })
      await refused(liar.url(), /a key that it sends.*allowPublicKeyRetrieval=true/)
      await refused(liar.url('allowCleartextPasswords=true'), /a key that it sends/)
      assert.throws(() => decrypted(liar.heard))
      await refused(liar.url('allowPublicKeyRetrieval=true'), /lost/)
      assert.equal(decrypted(liar.heard), `${PASSWORD}\0`)
    })
  }

  it('tells it nothing where it is to be encrypted, and it says that it can’t', async (t) => {
    const liar = await started(t, { script: () => [OK] })
    for (const ssl of ['required', 'verify']) await refused(liar.url(`ssl=${ssl}`), /secure/)
    assert.equal(liar.heard.length, 0)
  })

  it('is not let in before the connection is encrypted', async (t) => {
    const liar = await started(t, { script: () => [], ssl: true, beside: [OK] })
    await refused(liar.url('ssl=required'), /before the connection was encrypted/)
  })

  it('sends it no file of this machine', async (t) => {
    const file = Buffer.concat([Buffer.from([0xfb]), Buffer.from('/etc/passwd')])
    const liar = await started(t, { script: (heard) => (heard === 0 ? [OK] : [file]) })
    await refused(liar.url(), /a file of this machine/)
    assert.ok(!liar.heard.includes('root:'))
    assert.equal(liar.heard.readUInt32LE(4) & LOCAL_FILES, 0)
  })

  it('takes a packet that is cut short for the loss of the connection', async (t) => {
    const cut = Buffer.from([0xff, 1])
    for (const first of [[cut], [OK, cut]]) {
      const liar = await started(t, { script: (heard) => (heard === 0 ? first : undefined) })
      await refused(liar.url(), /lost/)
    }
  })

  it('takes no answer for another statement’s', async (t) => {
    const liar = await started(t, { script: () => [OK] })
    await refused(liar.url(), /6 statements with 0 results/)
  })

  it('takes nothing but rows of whole numbers', () => {
    const payload = Buffer.from('x')
    assert.equal(rowOf([1, 0, 5, null, 0, payload]).id, 1)
    for (const id of ['1', -1, 1.5, 2 ** 60, Number.NaN, null, Buffer.from('1')]) {
      assert.throws(() => rowOf([id, 0, 5, null, 0, payload]), StorageError)
    }
    assert.throws(() => rowOf([1, null, 5, null, 0, payload]), StorageError)
    assert.throws(() => rowOf([1, 0, 'x', null, 0, payload]), StorageError)
  })

  it('rejects, and nothing is thrown elsewhere, whatever it is answered', async (t) => {
    const { error } = console
    // The driver prints what comes out of order.
    console.error = () => {}
    t.after(() => {
      console.error = error
    })
    for (let seed = 1; seed <= FUZZ; seed += 1) {
      const liar = await Liar.start(liesOf(seed))
      try {
        await refused(liar.url(), /./)
      } finally {
        liar.stop()
      }
    }
  })
})

/** The last packet of 128 bytes that the key can read. */
function decrypted(heard: Buffer): string {
  const bytes = privateDecrypt({ key: privateKey, oaepHash: 'sha1' }, heard.subarray(-128))
  // As the protocol has it: with the number of the server, 20 bytes of 7, in each of its bits.
  return bytes.map((byte) => byte ^ 7).toString()
}

/** A number for each number, the same for the same. */
function dice(seed: number): (sides: number) => number {
  let state = seed * 2654435761
  return (sides) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 374761393) >>> 0
    return state % sides
  }
}

/** Garbage at some step, and the end of the connection behind it. */
function liesOf(seed: number): Lies {
  const roll = dice(seed)
  const garbage = () => {
    const bytes = Buffer.from(Array.from({ length: roll(40) }, () => roll(256)))
    const first = [0, 1, 2, 0xfb, 0xfe, 0xff, 3, roll(256)][roll(8)] ?? 0
    return Buffer.concat([Buffer.from([first]), bytes])
  }
  const step = roll(4)
  if (step === 0) return { script: () => undefined, greeting: garbage() }
  const script = (heard: number) => {
    if (heard === 0 && step > 1) return [OK]
    return Array.from({ length: 1 + roll(4) }, garbage)
  }
  return { script, last: step > 1 ? 1 : 0 }
}
