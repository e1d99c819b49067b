// table.ts: the table of pairs: each option of a queue beside each other one, beside the options of put, consume and nack,
// and beside the calls that meet many of them. table.spec.ts holds it against the options that there are.

import { attemptRows } from './attempts.ts'
import { boundRows } from './bounds.ts'
import { leaseRows } from './leases.ts'
import { orderRows } from './orders.ts'
import { restRows } from './rest.ts'
import { elsewhere, nothing, type Row } from './row.ts'
import { uniqueRows } from './unique.ts'

// Words for many, each named: what is added to the library is in none of them.
const PUT_WAITS = 'put.wait put.timeout put.signal'
const PUT = `${PUT_WAITS} put.priority put.delay`
const HANDLING = 'consume.batch consume.maxWait consume.concurrency'
const CONSUME = `consume.wait consume.signal ${HANDLING} consume.timeout consume.retry`
const NACK = 'nack.delay nack.to'

const signal = [
  ...nothing('signal', 'codec durability maxSize maxBytes whenFull flushLimit segmentSize order', 'it ends an opening'),
  ...nothing('signal', 'unique maxAttempts leaseTimeout onDamage keepAcked highWaterMark', 'it ends an opening'),
  ...elsewhere('signal', 'autoResume', 'store/sharing: does not open when its signal has aborted'),
  ...nothing(
    'signal',
    'put.wait put.timeout put.priority put.delay',
    'it ends an opening, and is over when a put begins',
  ),
  ...nothing('signal', `consume.wait ${HANDLING} consume.timeout consume.retry`, 'it is over when consume begins'),
  ...nothing('signal', `${NACK} update`, 'it is over when an item is at hand'),
  ...elsewhere(
    'signal',
    'copyTo',
    'queue/copying: goes on with an interrupted copy where it was, and leaves nothing out',
  ),
  ...elsewhere('signal', 'destroy', 'queue/living: rejects each method with the error of a failed opening'),
]

const codec = [
  ...nothing('codec', 'durability', 'bytes are synced, whatever they say'),
  ...nothing('codec', 'maxSize whenFull order leaseTimeout autoResume', 'items are counted and moved by their ids'),
  ...elsewhere(
    'codec',
    'maxBytes',
    'queue/bounding-bytes: lets the items of one batch share its bytes, to the last one',
  ),
  ...elsewhere(
    'codec',
    'flushLimit segmentSize',
    'log/failed-items: takes the room of its items alone whatever the codec, the recorded one too',
  ),
  ...elsewhere(
    'codec',
    'unique',
    'queue/uniqueness: ignores equals that were put before it was open, as they will come out',
  ),
  ...elsewhere(
    'codec',
    'maxAttempts onDamage',
    'queue/taking: sets aside what no longer decodes: it never blocks those behind it',
  ),
  ...nothing('codec', 'keepAcked highWaterMark', 'items are counted, whatever they are'),
  ...nothing('codec', PUT, 'an item is encoded before anything waits, and the same whenever it comes'),
  ...nothing('codec', `consume.wait consume.signal ${HANDLING} consume.timeout`, 'a handler gets what is decoded'),
  ...elsewhere(
    'codec',
    'consume.retry',
    'queue/consuming: tries again what its handler throws at or rejects, the whole batch, decoded afresh',
  ),
  ...nothing('codec', `${NACK} destroy`, 'what is given back is encoded already'),
  ...elsewhere('codec', 'copyTo', 'queue/copying: encodes anew for another codec, and takes a codec of its own along'),
  ...elsewhere(
    'codec',
    'update',
    'queue/picking: takes the updated item as it was at the call, also before it is open',
  ),
]

const durability = [
  ...nothing(
    'durability',
    'maxSize maxBytes order unique maxAttempts leaseTimeout keepAcked',
    'it says what survives, and nothing of which items there are',
  ),
  ...nothing('durability', 'whenFull', 'what is dropped goes with the put that drops it'),
  ...elsewhere(
    'durability',
    'flushLimit',
    "log/flusher: is there for a put with durability '…' once what was removed is freed, and not before",
  ),
  ...elsewhere('durability', 'segmentSize', 'log/descriptors: keeps a handful of files open while it grows, with …'),
  ...elsewhere('durability', 'onDamage', "log/format: reads what a queue with durability '…' wrote"),
  ...nothing('durability', 'autoResume', 'a process that died is no host that did'),
  ...elsewhere(
    'durability',
    'highWaterMark',
    'consume/write-stream: calls back for an item when it is in the queue, and not before',
  ),
  ...nothing('durability', `${PUT} ${CONSUME} ${NACK}`, 'it is one for all calls'),
  ...nothing('durability', 'copyTo update', "each is written as a put is, with its queue's own"),
  ...elsewhere(
    'durability',
    'destroy',
    'consume/write-stream: tells the truth of a write under way when it is destroyed',
  ),
]

const files = [
  ...elsewhere(
    'flushLimit',
    'segmentSize',
    'log/flusher: starts by itself when enough is settled, and keeps the disk within its bound',
  ),
  ...elsewhere(
    'flushLimit',
    'onDamage',
    'log/flusher-others: leaves a segment alone in which a frame is damaged: the ones behind it are not lost with it',
  ),
  ...elsewhere('segmentSize', 'onDamage', 'log/damage: has sealed, rewritten and open segments to be damaged'),
  ...['flushLimit', 'segmentSize'].flatMap((name) => [
    ...nothing(name, 'maxSize maxBytes whenFull', 'a bound counts what waits, and not what files hold of it'),
    ...nothing(name, 'order unique', "only a log has it, and that is 'fifo' and not unique"),
    ...elsewhere(name, 'maxAttempts', 'log/failed-items: stays where others of its segment go'),
    ...elsewhere(name, 'leaseTimeout autoResume', 'log/flusher: leaves few bytes for one item that is held for long'),
    ...elsewhere(name, 'keepAcked', 'log/flusher: frees what was kept for the record, once that is kept no more'),
    ...nothing(name, `highWaterMark ${CONSUME}`, 'what is handed out is not compacted for it'),
    ...nothing(name, `${PUT_WAITS} put.priority`, 'a put waits for room within a bound, and the order is of the ids'),
    ...elsewhere(
      name,
      'put.delay',
      'log/flusher: keeps live items with their ids and times where it rewrites a segment, for everybody',
    ),
    ...elsewhere(
      name,
      NACK,
      'log/flusher: rewrites a segment again and again, as often as something in it was settled',
    ),
    ...nothing(name, 'copyTo update', "a copy has its target's own, and a log updates nothing"),
    ...elsewhere(
      name,
      'destroy',
      'log/flusher-others: leaves nothing behind where its process is killed: the next opening sweeps it',
    ),
  ]),
]

const bounds = [
  ...elsewhere('maxSize', 'maxBytes', 'queue/bounding-bytes: keeps both bounds'),
  ...elsewhere(
    'maxSize',
    'whenFull',
    'queue/bounding: drops the oldest ready items where it was told to, counts them, and waits where there are too few',
  ),
  ...elsewhere('maxBytes', 'whenFull', 'queue/bounding-bytes: drops the oldest that are ready, as many as it needs'),
  ...nothing('maxBytes', 'order put.priority', 'who waits for room gets it in the order of the calls: see maxSize'),
  ...nothing(
    'maxBytes',
    'consume.batch consume.maxWait',
    'a batch waits for items, whatever keeps them out: see maxSize',
  ),
  ...['maxSize', 'maxBytes'].flatMap((name) => [
    ...nothing(name, 'onDamage', 'what is lost takes no room, and is counted by `stats().lost`'),
    ...elsewhere(name, 'autoResume consume.concurrency consume.timeout', 'queue/bounding: counts what is in flight'),
    ...elsewhere(name, 'consume.retry', 'queue/consuming: keeps a batch in flight that waits for its retry'),
    ...elsewhere(
      name,
      'nack.delay',
      'queue/bounding: counts what is delayed, and neither what failed nor what is kept for the record',
    ),
    ...elsewhere(name, 'destroy', 'queue/bounding: rejects waiting puts when it closes'),
    ...elsewhere(
      name,
      'consume.wait consume.signal',
      'queue/bounding: finds room where a loop, a delete or a clear made some',
    ),
  ]),
  ...elsewhere(
    'maxSize',
    'keepAcked put.delay',
    'queue/bounding: counts what is delayed, and neither what failed nor what is kept for the record',
  ),
  ...elsewhere(
    'maxSize',
    'put.wait',
    'queue/bounding: rejects with QueueFullError at once where it was told not to wait',
  ),
  ...elsewhere('maxSize', 'put.timeout', 'queue/bounding: gives up after the timeout, and has put nothing'),
  ...elsewhere(
    'maxSize',
    'put.signal',
    'queue/bounding: gives up with the reason of the signal, which bounds the wait only',
  ),
  ...elsewhere(
    'maxSize',
    'copyTo',
    'queue/copying: refuses a target that is itself, or holds something else, or is too small',
  ),
  ...nothing('maxSize', 'update', 'it changes no number of items'),
  ...elsewhere(
    'maxBytes',
    'put.delay',
    'queue/bounding-bytes: counts what is delayed or in flight, and what is settled or failed no more',
  ),
  ...elsewhere(
    'maxBytes',
    'put.wait put.timeout',
    'queue/bounding-bytes: holds exactly maxBytes, and makes the next put wait for room',
  ),
]

const full = [
  ...elsewhere(
    'whenFull',
    'keepAcked',
    'queue/bounding: counts what is delayed, and neither what failed nor what is kept for the record',
  ),
  ...nothing('whenFull', 'onDamage autoResume', 'what a put drops is ready, and in nobody’s hands'),
  ...elsewhere(
    'whenFull',
    'highWaterMark',
    "consume/write-stream: fills a queue of maxSize … to the brim before it is refused, where whenFull is 'reject'",
  ),
  ...nothing('whenFull', 'put.priority', 'the oldest are dropped, whatever their priority: see order'),
  ...nothing('whenFull', CONSUME, 'a put drops what is ready, and consume has what is in flight'),
  ...nothing('whenFull', 'nack.delay update', 'neither asks for room'),
  ...elsewhere(
    'whenFull',
    'destroy',
    'queue/stopping: rejects everything under way and to come when an error has destroyed it, with that error as the cause',
  ),
]

const order = [
  ...elsewhere('order', 'unique', "queue/combining: does what the model does: '…'…"),
  ...nothing('order', 'onDamage', 'what can be read is in its order still'),
  ...elsewhere(
    'order',
    'autoResume destroy',
    'queue/ordering: gives an item that was given back its old place, in every order',
  ),
  ...elsewhere(
    'order',
    'highWaterMark consume.wait',
    "queue/ordering: gives the newest first in a 'lifo' queue, whichever way it is taken",
  ),
  ...nothing('order', PUT_WAITS, 'who waits for room does so in the order of the calls: see maxSize'),
  ...elsewhere(
    'order',
    'put.priority',
    'queue/ordering: refuses a priority where the order is another one, and one that is no finite number, and puts nothing',
  ),
  ...nothing(
    'order',
    'consume.signal consume.maxWait consume.concurrency consume.timeout consume.retry',
    'they are about what is taken already',
  ),
  ...elsewhere('order', 'copyTo', 'queue/ordering: copies its order and its priorities'),
  ...elsewhere(
    'order',
    'update',
    'queue/picking: puts another item in the place of one, which keeps its id, place, attempts and times',
  ),
]

const unique = [
  ...elsewhere(
    'unique',
    'onDamage',
    'queue/asides: ignores the equals of what did not decode when … were popped, once it is tried again',
  ),
  ...elsewhere(
    'unique',
    'autoResume',
    'sqlite/lapses: has the key of each item that waits or is in flight, and no other',
  ),
  ...elsewhere('unique', 'highWaterMark', 'queue/uniqueness: lets streams through whose items are ignored'),
  ...elsewhere('unique', 'put.wait', 'queue/uniqueness: needs no room for what it ignores'),
  ...nothing(
    'unique',
    `consume.wait consume.signal ${HANDLING} consume.timeout`,
    'keys are of the queue, not of who takes',
  ),
  ...elsewhere(
    'unique',
    'consume.retry',
    'queue/uniqueness: ignores a put whose equal waits, is delayed or in flight, and takes it again once that is settled',
  ),
  ...elsewhere(
    'unique',
    'nack.to',
    'queue/uniqueness: frees the key of an item that is set aside, and retries none whose equal waits',
  ),
  ...elsewhere('unique', 'copyTo', 'queue/uniqueness: copies into a unique queue each of equal items once'),
  ...elsewhere('unique', 'destroy', 'queue/uniqueness: keeps that across a restart, and over two handles'),
  ...elsewhere('unique', 'update', 'queue/picking: has the key that an update gave, or none'),
]

const attempts = [
  ...nothing('maxAttempts', 'onDamage', 'damage is met before an item is handed out'),
  ...elsewhere(
    'maxAttempts',
    'keepAcked',
    'queue/limiting: sets it aside too where items are taken for good, and passes over it where they are looked at',
  ),
  ...elsewhere(
    'maxAttempts',
    'autoResume',
    'log/reclaimer: is charged where it was in hand, also when the first try to record it fails',
  ),
  ...elsewhere(
    'maxAttempts',
    'highWaterMark',
    'queue/streaming: charges nothing that a read stream had only buffered when it is destroyed',
  ),
  ...nothing('maxAttempts', PUT, 'no delivery comes before the put'),
  ...elsewhere(
    'maxAttempts',
    'consume.wait',
    'queue/limiting: sets aside, instead of handing it out, what had all its attempts, with the rest flowing on',
  ),
  ...elsewhere(
    'maxAttempts',
    'consume.signal',
    'queue/consuming: gives back what fails after the stop, and sets aside what was at its last attempt',
  ),
  ...elsewhere(
    'maxAttempts',
    'consume.batch',
    'queue/consuming: does not mix what comes again with what was put since',
  ),
  ...elsewhere(
    'maxAttempts',
    'consume.maxWait',
    'queue/stopping: gives back what a loop over batches was still filling when it closes, uncharged, and hands out no part of it',
  ),
  ...nothing('maxAttempts', 'consume.concurrency', 'each batch has attempts of its own'),
  ...elsewhere(
    'maxAttempts',
    'consume.retry',
    'queue/consuming: sets a batch aside when its attempts are spent, by whichever limit is lower',
  ),
  ...elsewhere(
    'maxAttempts',
    'update',
    'queue/picking: puts another item in the place of one, which keeps its id, place, attempts and times',
  ),
]

const leases = [
  ...nothing('leaseTimeout', 'onDamage', 'damage is met before an item is handed out'),
  ...elsewhere(
    'leaseTimeout',
    'highWaterMark',
    'consume/renewing: keeps its lease in the buffers of a stream and its sink, however long they are: each item once',
  ),
  ...nothing('leaseTimeout', 'put.timeout put.signal put.priority', 'no lease comes before the put'),
  ...elsewhere(
    'leaseTimeout',
    'put.delay',
    'queue/delivering: hands to who waits what was delayed as soon as it is due, and what a lease lets go as soon as that ends',
  ),
  ...nothing('leaseTimeout', 'consume.wait consume.signal consume.concurrency', 'each batch has a lease of its own'),
  ...elsewhere(
    'leaseTimeout',
    'consume.batch',
    'queue/consuming: leaves a batch to others whose lease was over before its handler',
  ),
  ...elsewhere('leaseTimeout', 'consume.maxWait', 'consume/renewing: keeps its lease while it waits to fill'),
  ...nothing('leaseTimeout', 'copyTo', 'what is in flight is not copied'),
  ...elsewhere('leaseTimeout', 'update', 'queue/picking: updates what is delayed, in flight or failed'),
]

const rest = [
  ...nothing('onDamage', 'keepAcked autoResume highWaterMark', 'it is about what cannot be read'),
  ...nothing('onDamage', `${PUT} ${CONSUME} ${NACK} destroy update`, 'what they have at hand was read'),
  ...elsewhere(
    'onDamage',
    'copyTo',
    'log/gaps: shows what stands before them, and rejects at them, where damage makes a call reject',
  ),
  ...nothing('keepAcked', 'autoResume highWaterMark', 'what is in flight is not acknowledged'),
  ...nothing('keepAcked', `${PUT} ${NACK} destroy`, 'none of them acknowledges'),
  ...nothing(
    'keepAcked',
    'consume.wait consume.signal consume.maxWait consume.concurrency',
    'what is acknowledged is kept, whoever does it',
  ),
  ...nothing('keepAcked', 'consume.timeout consume.retry', 'what fails is not acknowledged'),
  ...nothing('autoResume', `highWaterMark ${PUT}`, 'it is about what the dead held'),
  ...elsewhere('autoResume', CONSUME, 'log/reclaimer: waits without autoResume until somebody asks for it'),
  ...nothing('autoResume', `${NACK} copyTo update`, 'they are done by the living, to what is there'),
  ...nothing('highWaterMark', `${PUT} ${CONSUME} ${NACK} copyTo update`, 'it is about streams'),
  ...elsewhere(
    'highWaterMark',
    'destroy',
    'consume/read-stream: gives back everything when it is destroyed before, while and after it opens its session',
  ),
]

export const table: readonly Row[] = [
  ...[signal, codec, durability, files, bounds, full, order, unique, attempts, leases, rest].flat(),
  ...[uniqueRows, attemptRows, leaseRows, boundRows, orderRows, restRows].flat(),
]
