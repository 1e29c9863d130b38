/** Words before an answer that say that it is one. */
const leadIn =
  /^(?:[\s*_#>]*(?:so|thus|hence|therefore|and|then),? +)*(?:the )?(?:(?:final|correct|total) )*(?:answer|ans|result|solution|total)(?: (?:to|for) [^.:=\d]{1,60})?[\s*_]*(?:(?:is|was|equals|would be|comes to)\b[\s*_]*:?|[:=.]|(?= [\d$]))\s*/i
const about =
  /^(?:(?:is|equals|exactly|only|just|about|around|roughly|approximately|equal to|simply)\b\s*|(?:approx|ca)\.?\s+)+(?=\S)/i
const currency =
  /^([-+]?)\s*(?:US|CA|AU|NZ|HK|[CAR])?(?=\$|\\\$)|^([-+]?)\s*(?:USD|EUR|GBP|CAD|AUD|INR|JPY|CNY|RMB|PHP|NGN|Rs\.?|₹|₱|₦)\s*(?=[-\d.\\])/

/** Takes off what stands before an answer: `The answer is`, `about`, `USD`. */
export function withoutLeadIn(text: string): string {
  return text.trimStart().replace(leadIn, '').replace(about, '').replace(currency, '$1$2')
}

/** Where an explanation begins behind an answer: `because`, `where x = 9`, a sentence more. */
const explanation =
  /,?\s+(?:because|since|given that|considering|as (?:there|it|he|she|they|we|the|shown|\d)|where|which|so (?:that|the|she|he|they|it)|i\.e\.|that is)\b|,\s*(?:so|as|because|since|after|thus|therefore|hence|meaning|making|with|rounded|i\.e\.|that is)\b|\s*;|\s+(?:—|--+)\s+|(?<!^[\s$€£*(-]*\d{1,3})[.!?]["')*]*\s+(?=\p{Lu})/u
/** How a text goes on that offers another answer. */
const alternative =
  /^[\s,;.!?—-]*(?:or|and|also|maybe|perhaps|possibly|alternatively|otherwise|unless|else|not|no|actually|but|if|(?:it )?(?:could|may|might)(?: also)? be)\b/i
/** A remark that takes the answer back, or goes on calculating with it: `(19 in fact)`, `(plus 1 = 19)`. */
const takenBack =
  /^\W*(?:plus|minus|times)\b|\b(?:in fact|actually|instead|rather|guess|correction|corrected|should be)\b/i
/** An explanation that is nothing but another number: `; 19`, `, so 19`. */
const otherNumber =
  /^[\s,;.!?—-]*(?:(?:so|thus|hence|therefore|where|which|that is|i\.e\.|making|rounded)\b[\s,:]*)?(?:is |to |it is )?([-−$\s\\]*\d[\d.,;|\s$—-]*)$/i

/**
 * Cuts off the explanation behind an answer: `18, because 9 * 2 = 18` and `18 (rounded from 17.6)` answer 18. Null if it names
 * another answer: `18 (or 20)`.
 */
export function withoutExplanation(text: string): string | null {
  const end = text.search(explanation)
  let answer = end <= 0 ? text : text.slice(0, end)
  const rest = end <= 0 ? '' : text.slice(end)
  const other = otherNumber.exec(rest)?.[1]
  if (alternative.test(rest) || (other !== undefined && digitsOf(other) !== digitsOf(answer))) return null
  for (let open = answer.lastIndexOf('('); open > 0; open = answer.lastIndexOf('(', open - 1)) {
    const close = answer.indexOf(')', open)
    const remark = answer.slice(open + 1, close < 0 ? undefined : close)
    if (!isRemark(answer.slice(0, open), remark)) continue
    if (offersAnother(remark)) return null
    answer = `${answer.slice(0, open)} ${close < 0 ? '' : answer.slice(close + 1)}`
  }
  return answer
}

/** Whether a remark behind an answer offers another one: `or 20`, `19 in fact`. */
export function offersAnother(remark: string): boolean {
  return alternative.test(remark) || (/\d/.test(remark) && takenBack.test(remark))
}

function digitsOf(text: string): string {
  return text.replace(/\D/g, '')
}

/** Words or a calculation in brackets behind a number, and no factor or argument. */
function isRemark(before: string, remark: string): boolean {
  const isWords = /=|\p{L}{2,}/u.test(remark.replace(/\\[A-Za-z]+/g, ''))
  return isWords && /[\p{L}\p{N}%}$.*]\s*$/u.test(before) && !/\\[A-Za-z]+\s*$/.test(before)
}
