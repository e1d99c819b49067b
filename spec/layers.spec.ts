// layers.spec.ts: a layer of the proof that shrank or went missing is told.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { layers, summary } from './layers.ts'

function note(layer: string, count: number): string {
  return `layer ${JSON.stringify({ layer, count, seconds: 1.5 })}`
}

const whole = Object.entries(layers).map(([layer, figure]) => note(layer, figure))

describe("the proof's summary", () => {
  it('adds up what several specs counted of one layer', () => {
    const { lines, isShort } = summary([note('crash states', 700_000), 'other', note('crash states', 300_000)], false)
    assert.deepEqual(lines, ['        1,000,000 of at least  1,000,000      3 s  crash states'])
    assert.equal(isShort, false)
  })

  it('says nothing against a whole run that reached every figure', () => {
    const { lines, isShort } = summary(whole, true)
    assert.equal(lines.length, Object.keys(layers).length)
    assert.equal(isShort, false)
  })

  it('tells a layer of a whole run that counted one too little, and one that is missing', () => {
    const [first = '', ...others] = whole
    assert.equal(summary(others, true).isShort, true)
    const [layer = '', figure = 0] = Object.entries(layers)[0] ?? []
    const { lines, isShort } = summary([note(layer, figure - 1), ...others], true)
    assert.equal(isShort, true)
    assert.deepEqual(lines.filter((line) => line.startsWith('SHORT')).length, 1)
    assert.notEqual(first, '')
  })

  it('does not hold against a whole run what its machine has not', () => {
    const [first = '', ...others] = Object.keys(layers)
    const why = `layer ${JSON.stringify({ layer: first, count: 0, seconds: 0, why: 'no loop devices' })}`
    const { lines, isShort } = summary([why, ...others.map((each) => note(each, 1e9))], true)
    assert.equal(isShort, false)
    assert.match(lines[0] ?? '', /NOT TRIED: no loop devices$/)
  })
})
