import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as spoolq from '../lib/index.ts'

const codes = {
  QueueEmptyError: 'ERR_QUEUE_EMPTY',
  QueueFullError: 'ERR_QUEUE_FULL',
  QueueClosedError: 'ERR_QUEUE_CLOSED',
  CodecError: 'ERR_QUEUE_CODEC',
  CodecMismatchError: 'ERR_QUEUE_CODEC_MISMATCH',
  FormatError: 'ERR_QUEUE_FORMAT',
  CorruptionError: 'ERR_QUEUE_CORRUPT',
  StorageError: 'ERR_QUEUE_STORAGE',
  UnsupportedError: 'ERR_QUEUE_UNSUPPORTED',
  SettledError: 'ERR_QUEUE_SETTLED',
} as const

describe('the queue, in its errors,', () => {
  for (const name of Object.keys(codes) as (keyof typeof codes)[]) {
    it(`says ${codes[name]} with a ${name}, its message and its cause`, () => {
      const cause = new Error('underneath')
      const error = new spoolq[name]('what happened', { cause })
      assert.ok(error instanceof spoolq.QueueError && error instanceof Error)
      assert.deepEqual(
        [error.name, error.code, error.message, error.cause],
        [name, codes[name], 'what happened', cause],
      )
    })
  }

  it('has no other names to import than these', () => {
    assert.deepEqual(Object.keys(spoolq).sort(), ['AsyncQueue', 'QueueError', ...Object.keys(codes)].sort())
  })
})
