import { describe, expect, it } from 'vitest'
import { bytes, count, duration, percent, plural, short, watermark } from '../../src/lib/format'

describe('numbers', () => {
  it('have three digits and a unit', () => {
    expect([0, 7, 999, 1000, 1234, 99_960, 1_500_000].map(short))
      .toEqual(['0', '7', '999', '1k', '1.23k', '100k', '1.5M'])
    expect([0, 1023, 1024, 1536, 1_073_741_824].map(bytes))
      .toEqual(['0 B', '1023 B', '1 KiB', '1.5 KiB', '1 GiB'])
  })

  it('never reach the next unit by rounding', () => {
    expect(short(999.7)).toBe('1k')
    expect(bytes(1024 * 1024 - 1)).toBe('1 MiB')
  })

  it('are a dash where nothing is known', () => {
    for (const format of [count, short, bytes, percent, duration]) {
      expect(format(undefined)).toBe('–')
      expect(format('NaN')).toBe('–')
      expect(format(NaN)).toBe('–')
    }
  })

  it('of things agree with them', () => {
    expect([plural(1, 'job'), plural(0, 'job'), plural(2000, 'job')])
      .toEqual(['1 job', '0 jobs', '2,000 jobs'])
  })

  it('of shares stay within the whole', () => {
    expect([-0.1, 0.424, 1.7].map(percent)).toEqual(['0 %', '42 %', '100 %'])
  })
})

describe('durations', () => {
  it('have two units at most', () => {
    const second = 1000
    const [minute, hour, day] = [60 * second, 3600 * second, 86_400 * second]
    expect([12, 1500, 65 * second, 2 * hour + 5 * minute + 3 * second, 3 * day].map(duration))
      .toEqual(['12 ms', '1.5 s', '1 min 5 s', '2 h 5 min', '3 d'])
  })
})

describe('watermarks', () => {
  it('know the begin and the end of all time', () => {
    expect(watermark(Number('-9223372036854775808'))).toBe('none yet')
    expect(watermark(undefined)).toBe('none yet')
    expect(watermark(Number('9223372036854775807'))).toBe('end of input')
  })

  it('are times, unless they count from zero', () => {
    expect(watermark(1_795_333_511_945)).toMatch(/^2026-11-2\d \d\d:\d\d:\d\d$/)
    expect(watermark(42_000)).toBe('42,000')
  })
})
