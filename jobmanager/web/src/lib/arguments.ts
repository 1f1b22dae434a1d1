/** Splits a line of arguments as a shell does, without its expansions. */
export function splitArguments(text: string): string[] {
  const found: string[] = []
  let current = ''
  let isOpen = false
  let quote = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    if (quote) {
      if (char === quote) quote = ''
      else if (char === '\\' && quote === '"' && /["\\]/.test(text[at + 1] ?? '')) current += text[++at]
      else current += char
    } else if (char === '"' || char === '\'') {
      quote = char
      isOpen = true
    } else if (char === '\\' && at + 1 < text.length) {
      current += text[++at]
      isOpen = true
    } else if (/\s/.test(char)) {
      if (isOpen) found.push(current)
      current = ''
      isOpen = false
    } else {
      current += char
      isOpen = true
    }
  }
  if (quote) throw new Error(`A quotation mark (${quote}) isn’t closed.`)
  if (isOpen) found.push(current)
  return found
}
