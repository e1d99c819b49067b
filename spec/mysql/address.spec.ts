import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { placeOf, shownPlace } from '../../lib/location.ts'
import { addressOf, untold } from '../../lib/mysql/address.ts'

describe('the queue, by the URL of a MySQL database,', () => {
  it('is where each part says, with its escapes undone', () => {
    const { connecting, queue } = addressOf(
      'mysql://us%40er:p%3Aw%2F%25@db.example:3307/my%20db?queue=a%20%22%27b%F0%9F%A6%86',
    )
    const expected = { host: 'db.example', port: 3307, user: 'us@er', password: 'p:w/%', database: 'my db' }
    assert.deepEqual(connecting(), expected)
    assert.equal(queue, 'a "\'b🦆')
  })

  it('has the usual port, and its own name, where they are not said', () => {
    const { connecting, queue } = addressOf('mariadb://host/d')
    assert.deepEqual(connecting(), { host: 'host', port: 3306, database: 'd' })
    assert.equal(queue, 'queue')
  })

  it('is behind a socket, or an address of IPv6', () => {
    const socketed = addressOf('mysql://u@localhost/d?socketPath=/run/my%20sql.sock')
    assert.deepEqual(socketed.connecting(), { socketPath: '/run/my sql.sock', user: 'u', database: 'd' })
    assert.equal(addressOf('mysql://[::1]:1/d').connecting().host, '::1')
  })

  it('never shows its password', () => {
    const location = 'mysql://user:se%2Fcret@h/d?queue=q'
    const place = placeOf(new URL(location))
    assert.doesNotMatch(inspect(place, { depth: 9, showHidden: true }), /cret/)
    assert.equal(shownPlace(location, place), 'mysql://h:3306/d?queue=q')
  })

  it('hides its password in a message that quotes it, and nothing that only looks like it', () => {
    const told = (password: string, message: string): string => {
      return untold(new Error(message), addressOf(`mysql://root:${encodeURIComponent(password)}@h/test`))
    }
    const denied = "Access denied for user 'root'@'h' (using password: YES) to database 'test'"
    for (const password of ['a', 'e', 'password', 'root', 'test', 'YES', ' ', "'", '@'])
      assert.equal(told(password, denied), denied)
    assert.equal(
      told('a', 'plugin said \'a\', "a" and mysql://b:a@c'),
      'plugin said \'***\', "***" and mysql://b:***@c',
    )
    assert.equal(told('s/cr%t w', "no 's/cr%t w' at mysql://s%2Fcr%25t%20w@h"), "no '***' at mysql://***@h")
    assert.equal(told('long-er 7', 'said long-er 7 alone'), 'said *** alone')
  })

  it('has a blank, a quote and a colon in the name of a folder', () => {
    for (const name of [' a', "'a'", 'a b:c', '/tmp/mysql: x', './sqlite:x', 'a mysql']) {
      assert.equal(placeOf(name).kind, 'log', name)
    }
    for (const name of [' memory:', '\tsqlite:./a.db', "'file:a'"]) {
      assert.throws(() => placeOf(name), /before its scheme/)
    }
  })

  it('is encrypted as it asks, and gives its password as it allows', () => {
    const of = (words: string) => {
      const { tls, allowed } = addressOf(`mysql://u:p@h/d?${words}`)
      return [tls?.isVerified, tls?.ca, allowed.cleartext, allowed.publicKey]
    }
    assert.deepEqual(of(''), [undefined, undefined, false, false])
    assert.deepEqual(of('ssl=required&allowPublicKeyRetrieval=true'), [false, undefined, false, true])
    assert.deepEqual(of('ssl=verify&ca=/a%20b.pem&allowCleartextPasswords=true'), [true, '/a b.pem', true, false])
    assert.deepEqual([of('ssl=true'), of('ssl=unverified')], [of('ssl=verify'), of('ssl=required')])
    const socketed = addressOf('mysql://u@db.example/d?socketPath=/s&ssl=verify').connecting()
    assert.deepEqual(socketed, { socketPath: '/s', host: 'db.example', user: 'u', database: 'd' })
  })

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['mysql://u:secret@h', /names no database/],
    ['mysql://u:secret@h/', /names no database/],
    ['mysql://u:secret@h:port/d', /is no URL/],
    ['mysql:secret', /names no database|is no URL/],
    ['mysql://u:secret%@h/d', /no escape/],
    ['mysql://u:secret@h/d?queue=', /1 to 255 characters/],
    [`mysql://u:secret@h/d?queue=${'%F0%9F%A6%86'.repeat(256)}`, /1 to 255 characters/],
    ['mysql://u:secret@h/d?queu=q', /unknown parameter 'queu'/],
    ['mysql://u:12/secret@h/d', /has to be escaped/],
    ['mysql://u:12/secret@h/d?queue=q', /has to be escaped/],
    ['mysql://u:s/ecret@h/d', /is no URL/],
    ['mysql://u:s@secret/x@h/d', /has to be escaped/],
    ['mysql://u:s@secret?x@h/d', /unknown parameter:/],
    ['mysql://u:s@s/s?secret@h/d', /unknown parameter:/],
    ['mysql://u:s@s/s?secret&x@h/d', /unknown parameter:/],
    ['mysql://12/d?secret@h/d', /has to be escaped/],
    ['mysql://u:s@s/s#secret@h/d', /'#' has to be escaped/],
    ['mysql://u:sec\nret@h/d', /line break/],
    [' mysql://u:secret@h/d', /before its scheme/],
    ['\u00a0mysql:secret', /before its scheme/],
    ['"mysql://u:secret@h/d"', /before its scheme/],
    ['DATABASE_URL=mysql://u:secret@h/d', /before its scheme/],
    ['\ufeffmariadb://u:secret@h/d', /before its scheme/],
    ['mysql://u:secret@h/d?ssl=maybe', /'ssl' is verify, required or false/],
    ['mysql://u:secret@h/d?ssl=constructor', /'ssl' is/],
    ['mysql://u:secret@h/d?ssl=required&ca=a.pem', /'ca' says whom ssl=verify trusts/],
    ['mysql://u:secret@h/d?allowCleartextPasswords=yes', /is true or false/],
  ]
  for (const [location, message] of wrong) {
    it(`is nowhere at ${location.slice(0, 40)}, and says why without the password`, () => {
      assert.throws(
        () => placeOf(location),
        (error: unknown) => {
          assert.ok(error instanceof TypeError && message.test(error.message), String(error))
          assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /secret/)
          return true
        },
      )
    })
  }
})
