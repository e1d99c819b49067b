// history.spec.ts: the spec of the judge of races: it finds nothing wrong with what a FIFO queue says, and each lie.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Delivery, History, type Look } from './history.ts'

const one = {}
const other = {}

/** A history as it is told here: each call from one moment to another. */
class Told {
  readonly history = new History()

  put(begun: number, ended: number, firstId: number, texts: string, handle = one): this {
    this.history.puts.push({ begun, ended, handle, texts: [...texts], firstId, refused: false })
    return this
  }

  refused(begun: number, ended: number, texts: string): this {
    this.history.puts.push({ begun, ended, handle: one, texts: [...texts], firstId: 0, refused: true })
    return this
  }

  look(begun: number, ended: number, what: Look['what'], n: number, texts: string): this {
    const look = { begun, ended, what, n, texts: [...texts] }
    this.history.looks.push(look)
    if (what === 'pop') for (const text of texts) this.history.deliveries.push({ text, take: look, gone: look })
    return this
  }

  /** Leased; `gone` or `back` from one moment to another. */
  lease(begun: number, ended: number, text: string, end: Partial<Pick<Delivery, 'gone' | 'back' | 'isUnsure'>>): this {
    const take: Look = { begun, ended, what: 'lease', n: 1, texts: [text] }
    this.history.looks.push(take)
    this.history.deliveries.push({ text, take, ...end })
    return this
  }

  count(begun: number, ended: number, count: number): this {
    this.history.counts.push({ begun, ended, count })
    return this
  }

  assertRight(left: string): void {
    assert.deepEqual(this.history.wrong([...left]), [])
  }

  assertWrong(left: string, why: RegExp): void {
    const wrong = this.history.wrong([...left])
    assert.match(wrong.join('\n'), why)
  }
}

function told(): Told {
  return new Told().put(1, 2, 1, 'ab').put(3, 6, 3, 'c').put(4, 5, 4, 'd', other)
}

describe('the judge of races', () => {
  it('finds nothing wrong with what a FIFO queue says', () => {
    told().assertRight('abcd')
    told().look(7, 8, 'pop', 2, 'ab').look(9, 10, 'peek', 9, 'cd').look(11, 12, 'pop', 9, 'cd').assertRight('')
    told()
      .lease(7, 8, 'a', { back: { begun: 9, ended: 10 } })
      .look(11, 12, 'pop', 1, 'a')
      .assertRight('bcd')
    told()
      .lease(7, 8, 'a', { gone: { begun: 9, ended: 10 } })
      .look(8, 9, 'pop', 1, 'b')
      .assertRight('cd')
    told().count(1, 2, 0).count(1, 2, 2).count(4, 5, 3).count(7, 8, 4).assertRight('abcd')
    told().refused(5, 6, 'xy').assertRight('abcd')
    // Overlapping takes may have happened in either order.
    told().look(7, 10, 'pop', 1, 'b').look(8, 9, 'pop', 1, 'a').assertRight('cd')
    // A put under way may have been there or not.
    new Told().put(1, 9, 1, 'a').look(2, 3, 'pop', 1, '').look(4, 5, 'pop', 1, 'a').assertRight('')
    told()
      .lease(7, 8, 'a', { back: { begun: 9, ended: 10 }, isUnsure: true })
      .assertRight('bcd')
  })

  it('finds an item that two had, one that came again, and one that nobody put', () => {
    told()
      .look(7, 8, 'pop', 1, 'a')
      .look(9, 10, 'pop', 1, 'a')
      .assertWrong('bcd', /a was in two hands/)
    told()
      .lease(7, 8, 'a', {})
      .look(9, 10, 'pop', 1, 'a')
      .assertWrong('bcd', /a was in two hands/)
    const late = { back: { begun: 11, ended: 12 } }
    told()
      .lease(7, 8, 'a', late)
      .look(9, 10, 'pop', 1, 'a')
      .assertWrong('bcd', /a was in two hands/)
    told()
      .look(7, 8, 'pop', 1, 'x')
      .assertWrong('abcd', /x was taken and never put/)
    told()
      .refused(5, 6, 'x')
      .look(7, 8, 'pop', 5, 'abcdx')
      .assertWrong('', /x was taken and never put/)
    new Told()
      .look(1, 2, 'pop', 1, 'a')
      .put(3, 4, 1, 'a')
      .assertWrong('', /a was taken and never put/)
  })

  it('finds what was passed over, by a take that took more, too little, or in another order', () => {
    told()
      .look(7, 8, 'pop', 1, 'b')
      .assertWrong('acd', /passed over a/)
    told()
      .look(7, 8, 'pop', 3, 'ab')
      .assertWrong('cd', /passed over c/)
    told()
      .look(7, 8, 'lease', 1, '')
      .assertWrong('abcd', /passed over a, and got nothing/)
    told()
      .look(7, 8, 'peek', 2, 'ac')
      .assertWrong('abcd', /passed over b/)
    told()
      .look(7, 8, 'pop', 2, 'ba')
      .assertWrong('cd', /got b,a in this order/)
    told()
      .lease(7, 8, 'a', { back: { begun: 9, ended: 10 } })
      .look(11, 12, 'pop', 1, 'b')
      .assertWrong('acd', /passed over a/)
  })

  it('finds what was seen and cannot have been there', () => {
    told()
      .look(7, 8, 'pop', 1, 'a')
      .look(9, 10, 'peek', 1, 'a')
      .assertWrong('bcd', /a was seen while somebody had it/)
    told()
      .lease(7, 8, 'a', {})
      .look(9, 10, 'peek', 1, 'a')
      .assertWrong('bcd', /a was seen while somebody had it/)
    told()
      .look(7, 8, 'peek', 1, 'x')
      .assertWrong('abcd', /x was seen and never put/)
  })

  it('finds ids that leave a hole, come twice, or are not in the order of the puts', () => {
    new Told()
      .put(1, 2, 1, 'a')
      .put(3, 4, 3, 'b')
      .assertWrong('ab', /b got id 3, not 2/)
    new Told()
      .put(1, 2, 1, 'a')
      .put(3, 4, 1, 'b')
      .assertWrong('ab', /got id 1, not 2/)
    new Told()
      .put(1, 2, 2, 'a')
      .put(3, 4, 1, 'b', other)
      .assertWrong('ba', /a was put before b/)
    new Told()
      .put(1, 4, 2, 'a')
      .put(2, 3, 1, 'b')
      .assertWrong('ba', /a was put before b/)
    new Told().put(1, 4, 2, 'a').put(2, 3, 1, 'b', other).assertRight('ba')
  })

  it('finds what is lost in the end, or left in another order, and counts that cannot be', () => {
    told().assertWrong('abc', /left were a,b,c, not a,b,c,d/)
    told().assertWrong('abdc', /left were/)
    told()
      .look(7, 8, 'pop', 1, 'a')
      .assertWrong('abcd', /left were/)
    told()
      .count(7, 8, 3)
      .assertWrong('abcd', /counted 3, not 4 to 4/)
    told()
      .look(7, 8, 'pop', 1, 'a')
      .count(9, 10, 4)
      .assertWrong('bcd', /counted 4, not 3 to 3/)
  })
})
