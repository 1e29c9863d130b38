/** Sizes, spaces and styles that change nothing. */
export const invisible = new Set(
  (
    'left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle limits nolimits ' +
    'quad qquad thinspace enspace mathbf boldsymbol bm mathit mathsf mathcal mathfrak mathscr underline boxed fbox ' +
    'tiny small normalsize large Large LARGE huge Huge mathopen mathclose mathrel mathord noindent centering bf it'
  ).split(' '),
)
/** Commands whose argument changes nothing either. */
export const invisibleWithArgument = new Set(
  'phantom hphantom vphantom hspace vspace color label tag textcolor rule'.split(' '),
)
/** Commands whose argument is words. */
export const upright = new Set(
  'text mbox hbox textbf textrm textit textnormal textsf texttt textup emph mathrm operatorname mathtt'.split(' '),
)

/** Commands and signs that have several names. */
export const aliases: Readonly<Record<string, string>> = {
  dfrac: 'frac',
  tfrac: 'frac',
  cfrac: 'frac',
  dbinom: 'binom',
  tbinom: 'binom',
  leq: 'le',
  leqslant: 'le',
  geq: 'ge',
  geqslant: 'ge',
  neq: 'ne',
  lt: '<',
  gt: '>',
  times: '*',
  cdot: '*',
  ast: '*',
  div: '/',
  slash: '/',
  colon: ':',
  lbrace: '\\{',
  rbrace: '\\}',
  langle: '(',
  rangle: ')',
  lparen: '(',
  rparen: ')',
  lbrack: '[',
  rbrack: ']',
  vert: '|',
  lvert: '|',
  rvert: '|',
  mid: '|',
  degree: 'circ',
  varnothing: 'emptyset',
  cr: '\\\\',
  dots: 'ldots',
  cdots: 'ldots',
  dotsc: 'ldots',
  dotsb: 'ldots',
  setminus: 'setminus',
  backslash: 'setminus',
  bigcup: 'cup',
  bigcap: 'cap',
  simeq: 'approx',
  thickapprox: 'approx',
  doteq: 'approx',
  varphi: 'phi',
  varepsilon: 'epsilon',
  rightarrow: 'to',
  longrightarrow: 'to',
  implies: 'to',
  Rightarrow: 'to',
  lVert: '|',
  rVert: '|',
  euro: '€',
  pounds: '£',
  yen: '¥',
  textdegree: 'circ',
  textdollar: '$',
  dollar: '$',
  percent: '%',
  bar: 'overline',
  hat: 'hat',
  ne: 'ne',
  owns: 'in',
}

/** Characters that are commands or signs of LaTeX. */
export const unicode: Readonly<Record<string, string>> = {
  '×': '*',
  '·': '*',
  '•': '*',
  π: 'pi',
  '∞': 'infty',
  '≤': 'le',
  '≥': 'ge',
  '≠': 'ne',
  '±': 'pm',
  '∓': 'mp',
  '∪': 'cup',
  '∩': 'cap',
  '∈': 'in',
  '∅': 'emptyset',
  '°': 'circ',
  '√': 'sqrt',
  '≈': 'approx',
  '∠': 'angle',
  '△': 'triangle',
  ℝ: 'R',
  ℤ: 'Z',
  ℚ: 'Q',
  ℕ: 'N',
  ℂ: 'C',
  '→': 'to',
  '⇒': 'to',
  '∖': 'setminus',
  '⟨': '(',
  '⟩': ')',
  '⌊': 'lfloor',
  '⌋': 'rfloor',
  '⌈': 'lceil',
  '⌉': 'rceil',
  '∣': '|',
  '∑': 'sum',
  '∏': 'prod',
  '∫': 'int',
  '—': '-',
  '~': 'approx',
  α: 'alpha',
  β: 'beta',
  γ: 'gamma',
  δ: 'delta',
  ε: 'epsilon',
  θ: 'theta',
  λ: 'lambda',
  μ: 'mu',
  ρ: 'rho',
  σ: 'sigma',
  φ: 'phi',
  ω: 'omega',
  τ: 'tau',
  Δ: 'Delta',
  Σ: 'Sigma',
  Ω: 'Omega',
  '∆': 'Delta',
  '⊂': 'subset',
  '⊆': 'subseteq',
}

/** Names that are functions or constants also without a backslash. */
export const named = new Set(
  'arcsin arccos arctan sinh cosh tanh sin cos tan cot sec csc cis log lg ln exp sqrt gcd lcm max min floor ceil abs pi infty theta'.split(
    ' ',
  ),
)

/** Words that are signs. */
export const wordSigns: Readonly<Record<string, string>> = {
  plus: '+',
  positive: '+',
  minus: '-',
  negative: '-',
  times: '*',
  percent: '%',
  pct: '%',
  degrees: 'circ',
  degree: 'circ',
  infinity: 'infty',
  equals: '=',
  squared: '^2',
  cubed: '^3',
}

/** The letters among them; those of every other script make words. */
export const signLetters = Object.keys(unicode)
  .filter((sign) => /\p{L}/u.test(sign))
  .join('')
