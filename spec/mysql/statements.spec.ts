// statements.spec.ts: statements that name items one by one are short enough for the smallest packet of a server.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LOT_CHARACTERS, listsOf } from '../../lib/mysql/statements.ts'

describe('lists of ids', () => {
  it('are so short that a statement may have two of them, and together name each id once, in order', () => {
    for (const first of [1, 9_990, 2 ** 52]) {
      for (const count of [0, 1, 300, 375, 376, 5_000]) {
        const ids = Array.from({ length: count }, (_, i) => first + 2 * i)
        const lists = listsOf(ids)
        assert.deepEqual(lists.flat(), ids)
        for (const list of lists) assert.ok(list.join().length <= LOT_CHARACTERS / 2, `${list.join().length}`)
      }
    }
  })
})
