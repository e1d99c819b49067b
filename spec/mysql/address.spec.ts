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

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['mysql://u:secret@h', /names no database/],
    ['mysql://u:secret@h/', /names no database/],
    ['mysql://u:secret@h:port/d', /is no URL/],
    ['mysql:secret', /names no database|is no URL/],
    ['mysql://u:secret%@h/d', /no escape/],
    ['mysql://u:secret@h/d?queue=', /1 to 255 characters/],
    [`mysql://u:secret@h/d?queue=${'%F0%9F%A6%86'.repeat(256)}`, /1 to 255 characters/],
    ['mysql://u:secret@h/d?queu=q', /unknown parameter 'queu'/],
  ]
  for (const [location, message] of wrong) {
    it(`is nowhere at ${location.slice(0, 40)}, and says why without the password`, () => {
      assert.throws(
        () => placeOf(location),
        (error: unknown) => {
          assert.ok(error instanceof TypeError && message.test(error.message), String(error))
          assert.doesNotMatch(inspect(error), /secret/)
          return true
        },
      )
    })
  }
})
