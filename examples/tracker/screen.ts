// screen.ts: progress, as a line that is drawn again and again on a terminal, and as a line now and then in a log.

import type { Server } from './server.ts'

const drawMs = 100
const logMs = 1000
const barWidth = 24

export class Screen {
  /** Readings that the queue has been given. */
  recorded = 0
  readonly #total: number
  readonly #server: Server
  readonly #started = performance.now()
  readonly #terminal = process.stdout.isTTY === true
  readonly #timer: NodeJS.Timeout

  constructor({ total, server }: { readonly total: number; readonly server: Server }) {
    this.#total = total
    this.#server = server
    this.#timer = setInterval(() => this.#draw(), this.#terminal ? drawMs : logMs)
  }

  /** Something happened. */
  tell(event: string): void {
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(1)
    this.#print(`${seconds.padStart(6)} s  ${event}`)
    if (this.#terminal) this.#draw()
  }

  end(): void {
    clearInterval(this.#timer)
    this.#draw()
    console.log('\n')
  }

  #draw(): void {
    if (!this.#terminal) return this.#print(`          ${this.#progress()}`)
    const line = `${this.#bar()}  ${this.#progress()}`.slice(0, process.stdout.columns - 1) // a wrapped line can't be redrawn
    process.stdout.write(`\r${line}\x1b[K`)
  }

  #print(line: string): void {
    console.log(this.#terminal ? `\r${line}\x1b[K` : line)
  }

  #progress(): string {
    const received = this.#server.lines.length
    const waiting = Math.max(0, this.recorded - received)
    const network = this.#server.online ? '' : ', no network'
    return `${figure(received)} of ${figure(this.#total)} arrived, ${figure(waiting)} waiting${network}`
  }

  /** What the server has is full, what waits on the device is half, what has not been read yet is light. */
  #bar(): string {
    const cells = (count: number) => Math.floor((barWidth * count) / this.#total)
    const [received, recorded] = [
      cells(this.#server.lines.length),
      cells(Math.max(this.recorded, this.#server.lines.length)),
    ]
    return '█'.repeat(received) + '▒'.repeat(recorded - received) + '░'.repeat(barWidth - recorded)
  }
}

export function figure(count: number): string {
  return count.toLocaleString('en')
}
