// holder.ts: a process of its own that leases items, says which, and does with them what it is told: 'ack', 'close',
// 'exit'. Any other word is answered.

import { AsyncQueue } from '../../lib/index.ts'

const [url = '', count = '1'] = process.argv.slice(2)
const queue = await AsyncQueue.open(url)
const held = await queue.lease(Number(count))
process.send?.(held.map(({ id }) => id))
process.on('message', async (word) => {
  if (word === 'exit') process.exit(0)
  if (word === 'ack') await Promise.all(held.map((delivery) => delivery.ack()))
  if (word === 'close') await queue.close()
  process.send?.('done')
})
