const months = 'January February March April May June July August September October November December'.split(' ')
const days = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')

/** Python's `strftime` with English names, in local time. What it does not know stays as it is. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%(-?)([A-Za-z%])/g, (all, dash: string, letter: string) => {
    const piece = pieceOf(date, letter)
    if (piece === null) return all
    return dash === '' ? piece : piece.replace(/^0+(?=\d)/, '')
  })
}

function pieceOf(date: Date, letter: string): string | null {
  const two = (number: number): string => String(number).padStart(2, '0')
  switch (letter) {
    case 'Y':
      return String(date.getFullYear())
    case 'y':
      return two(date.getFullYear() % 100)
    case 'm':
      return two(date.getMonth() + 1)
    case 'd':
      return two(date.getDate())
    case 'e':
      return String(date.getDate()).padStart(2)
    case 'B':
      return months[date.getMonth()]!
    case 'b':
    case 'h':
      return months[date.getMonth()]!.slice(0, 3)
    case 'A':
      return days[date.getDay()]!
    case 'a':
      return days[date.getDay()]!.slice(0, 3)
    case 'j':
      return String(dayOfYear(date)).padStart(3, '0')
    case 'H':
      return two(date.getHours())
    case 'I':
      return two(date.getHours() % 12 || 12)
    case 'p':
      return date.getHours() < 12 ? 'AM' : 'PM'
    case 'M':
      return two(date.getMinutes())
    case 'S':
      return two(date.getSeconds())
    case 'F':
      return strftime(date, '%Y-%m-%d')
    case 'T':
      return strftime(date, '%H:%M:%S')
    case '%':
      return '%'
    default:
      return null
  }
}

function dayOfYear(date: Date): number {
  const midnight = (month: number, day: number): number => Date.UTC(date.getFullYear(), month, day)
  return Math.round((midnight(date.getMonth(), date.getDate()) - midnight(0, 0)) / 86_400_000)
}
