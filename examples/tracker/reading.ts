// reading.ts: what the device measures. Here its sensor is a file.

import { createInterface } from 'node:readline'

export interface Reading {
  /** 1 for the first reading of the file; by it the server knows what it has already. */
  readonly number: number
  readonly line: string
}

/** The lines that are readings, in order. */
export async function* readings(input: NodeJS.ReadableStream): AsyncGenerator<Reading> {
  let number = 0
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    if (line.trim() !== '' && !line.startsWith('#')) yield { number: ++number, line }
  }
}
