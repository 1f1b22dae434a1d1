/** Numbers, sizes and times as text. */

const NOTHING = '–'

const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function digits(value: number): string {
  const places = value >= 100 ? 0 : value >= 10 ? 1 : 2
  return value.toFixed(places).replace(/\.0+$|(\.\d*[1-9])0+$/, '$1')
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let power = 0
  let size = Math.abs(value)
  // What would be rounded up to the base is the next unit.
  while (size >= base - 0.5 && power < units.length - 1) {
    size /= base
    power++
  }
  return `${value < 0 ? '−' : ''}${digits(size)}${units[power]}`
}

/** `1,234,567`. */
export function count(value: unknown): string {
  return isNumber(value) ? plain.format(value) : NOTHING
}

/** `1.23M`. */
export function short(value: unknown): string {
  return isNumber(value) ? scaled(value, 1000, ['', 'k', 'M', 'G', 'T', 'P']) : NOTHING
}

/** `1.5 MiB`. */
export function bytes(value: unknown): string {
  if (!isNumber(value)) return NOTHING
  return scaled(value, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB', ' PiB'])
}

/** `42 %`. */
export function percent(share: unknown): string {
  return isNumber(share) ? `${Math.round(Math.min(Math.max(share, 0), 1) * 100)} %` : NOTHING
}

/** Milliseconds as `2 h 5 min`: two units at most. */
export function duration(ms: unknown): string {
  if (!isNumber(ms) || ms < 0) return NOTHING
  if (ms < 1000) return `${Math.round(ms)} ms`
  const total = Math.floor(ms / 1000)
  if (total < 10) return `${digits(Math.floor(ms / 100) / 10)} s`
  const parts: [number, string][] = [
    [Math.floor(total / 86_400), 'd'],
    [Math.floor(total / 3600) % 24, 'h'],
    [Math.floor(total / 60) % 60, 'min'],
    [total % 60, 's'],
  ]
  const first = parts.findIndex(([amount]) => amount > 0)
  return parts
    .slice(first, first + 2)
    .filter(([amount], index) => index === 0 || amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ')
}

const two = (value: number) => String(value).padStart(2, '0')

/** `2026-11-26 13:59:42` in this browser's time zone. */
export function timestamp(ms: unknown): string {
  if (!isNumber(ms) || ms <= 0) return NOTHING
  const at = new Date(ms)
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${clock(ms)}`
}

/** `13:59:42` in this browser's time zone. */
export function clock(ms: number): string {
  const at = new Date(ms)
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

const NO_WATERMARK = -9_223_372_036_854_775_000

/** A watermark: none yet, the end of all input, or a time. */
export function watermark(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value) || value <= NO_WATERMARK) return 'none yet'
  if (value >= -NO_WATERMARK) return 'end of input'
  // Event times that count from zero are no dates.
  return Math.abs(value) < 1e11 ? count(value) : timestamp(value)
}

/** `1 job`, `2 jobs`. */
export function plural(amount: number, one: string, many = `${one}s`): string {
  return `${count(amount)} ${amount === 1 ? one : many}`
}
