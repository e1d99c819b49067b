import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as spoolq from '../lib/index.ts'

const message = 'what happened'
const cause = new Error('underneath')

const told: readonly (readonly [spoolq.QueueError, string, string])[] = [
  [new spoolq.QueueEmptyError(message, { cause }), 'QueueEmptyError', 'ERR_QUEUE_EMPTY'],
  [new spoolq.QueueFullError(message, { cause }), 'QueueFullError', 'ERR_QUEUE_FULL'],
  [new spoolq.QueueClosedError(message, { cause }), 'QueueClosedError', 'ERR_QUEUE_CLOSED'],
  [new spoolq.CodecError(message, { cause }), 'CodecError', 'ERR_QUEUE_CODEC'],
  [new spoolq.CodecMismatchError(message, { cause }), 'CodecMismatchError', 'ERR_QUEUE_CODEC_MISMATCH'],
  [new spoolq.FormatError(message, { cause }), 'FormatError', 'ERR_QUEUE_FORMAT'],
  [new spoolq.CorruptionError(message, { cause }), 'CorruptionError', 'ERR_QUEUE_CORRUPT'],
  [new spoolq.StorageError(message, { cause }), 'StorageError', 'ERR_QUEUE_STORAGE'],
  [new spoolq.UnsupportedError(message, { cause }), 'UnsupportedError', 'ERR_QUEUE_UNSUPPORTED'],
  [new spoolq.SettledError(message, { cause }), 'SettledError', 'ERR_QUEUE_SETTLED'],
]

describe('the queue, in its errors,', () => {
  for (const [error, name, code] of told) {
    it(`says ${code} with a ${name}, its message and its cause`, () => {
      assert.ok(error instanceof spoolq.QueueError && error instanceof Error)
      assert.deepEqual([error.name, error.code, error.message, error.cause], [name, code, message, cause])
    })
  }

  it('has no other names to import than these', () => {
    const names = ['AsyncQueue', 'PersistentMap', 'QueueError', ...told.map(([, name]) => name)]
    assert.deepEqual(Object.keys(spoolq).sort(), names.sort())
  })
})
