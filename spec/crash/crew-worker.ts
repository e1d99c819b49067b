// crew-worker.ts: one worker thread of crew.ts.

import { parentPort, workerData } from 'node:worker_threads'
import { type Order, type Task, workedOff } from './crew.ts'

const task: Task = workerData
// Calls that fail are part of many trials, and a stack takes longer than all else of them. Who runs one again has it.
Error.stackTraceLimit = 0

function nextOrder(): Promise<Order> {
  return new Promise((resolve) => {
    parentPort?.once('message', resolve)
    parentPort?.postMessage('next')
  })
}

const outcome = await workedOff(task, nextOrder)
parentPort?.postMessage(outcome)
parentPort?.close()
