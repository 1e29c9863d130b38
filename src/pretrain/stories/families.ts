/**
 * Stories of another kind than one event after another: comparisons, parts and wholes, unknown beginnings, groups, prices, ages. After
 * the classification of addition and multiplication problems by Carpenter and Moser (1984) and Greer (1992).
 */
export interface StoryFamily {
  /** The calculations: `a` to `d` are numbers of the story, `r1` and `r2` results of the first and the second one. */
  readonly steps: string
  /** The whole story with its question, in the form of the wordings of situations.ts, with a third person {O}. */
  readonly wordings: readonly string[]
}

const comparisons: readonly StoryFamily[] = [
  {
    steps: 'a + b',
    wordings: [
      '{N} has {a} {T}. {M} has {b} more. How many {T} does {M} have?',
      '{N} [found|has|made] {a} {T}, and {M} [found|has|made] {b} more [than {N}|]. How many [{T}|] [does|did] {M} [have|get]?',
      '{N} has {a} {T}. That is {b} fewer than {M} [has|]. How many {T} does {M} have?',
      '{N} has {a} {T}, {b} fewer than {M}. How many does {M} have?',
      'A {K} box has {a} {T}. A {L} box has {b} more [than that|]. How many are in the {L} box?',
      'There are {a} {T} and {b} more {C} than {T}. How many {C} are there?',
      '{N} is {a} years old. {M} is {b} years older. How old is {M}?',
      '{N} scores {a} points. {M} scores {b} more. How many points [does {M} score|are that for {M}]?',
    ],
  },
  {
    steps: 'a - b',
    wordings: [
      '{N} has {a} {T}. {M} has {b} fewer. How many {T} does {M} have?',
      '{N} has {a} {T}. {M} has {b} less than that. How many does {M} have?',
      '{N} has {a} {T}. That is {b} more than {M} [has|]. How many {T} does {M} have?',
      '{N} has {a} {T}, {b} more than {M}. How many does {M} have?',
      '{N} has {a} {T} and {M} has {b}. How many more [{T}|] does {N} have [than {M}|]?',
      '{N} has {a} {T}. {M} has {b}. How many fewer does {M} have?',
      '{N} has {a} {T}, {M} has {b}. What is the difference?',
      '{N} [made|found|sold] {a} {T}. {M} [made|found|sold] only {b}. By how many is {N} ahead?',
      '{N} is {a} years old. {M} is {b} years younger. How old is {M}?',
      'A {K} box has {a} {T}. A {L} box has {b} fewer. How many are in the {L} box?',
    ],
  },
  {
    steps: 'a * b',
    wordings: [
      '{N} has {a} {T}. {M} has {b} times as many. How many {T} does {M} have?',
      '{N} has {a} {T}. {M} has {b} times that number. How many does {M} have?',
      '{N} [makes|finds] {a} {T} and {M} {b} times as many. How many does {M} [make|find]?',
      'One box has {a} {T}. A larger one has {b} times as many. How many are in the larger box?',
    ],
  },
  {
    steps: 'a * 2',
    wordings: [
      '{N} has {a} {T}. {M} has twice as many. How many does {M} have?',
      '{N} has {a} {T}, {M} has double that. How many {T} does {M} have?',
    ],
  },
  {
    steps: 'a / b',
    wordings: [
      '{N} has {a} {T}. That is {b} times as many as {M} has. How many does {M} have?',
      '{N} has {b} times as many {T} as {M}. {N} has {a}. How many does {M} have?',
    ],
  },
  {
    steps: 'a / 2',
    wordings: [
      '{N} has {a} {T}. {M} has half as many. How many does {M} have?',
      'Half of {a} {T} are {K}. How many are that?',
      '{N} has {a} {T}, twice as many as {M}. How many does {M} have?',
    ],
  },
  {
    steps: 'a + b, a + r1',
    wordings: [
      '{N} has {a} {T}. {M} has {b} more. How many {T} do they have [together|in all|in total]?',
      '{N} [found|made|ate] {a} {T}, and {M} [found|made|ate] {b} more than {N}. How many [did they find|are that] together?',
      'On Monday {N} [sold|read|made] {a} {T}, on Tuesday {b} more than on Monday. How many in the two days?',
      'A {K} box has {a} {T}, and a {L} box {b} more. How many are in both [boxes|]?',
      '{N} has {a} {K} {T} and {b} more {L} ones than {K} ones. How many {T} does {N} have?',
      '{N} is {a} years old and {M} is {b} years older. How old are they together?',
      '{N} has {a} {T}, {b} fewer than {M}. How many do both have [together|]?',
    ],
  },
  {
    steps: 'a - b, a + r1',
    wordings: [
      '{N} has {a} {T}. {M} has {b} fewer. How many {T} do they have [together|in all|in total]?',
      '{N} [found|made|ate] {a} {T}, and {M} [found|made|ate] {b} fewer [than {N}|]. How many [did they find|are that] together?',
      'On Monday {N} [sold|read|made] {a} {T}, on Tuesday {b} fewer [than on Monday|]. How many in the two days?',
      'One box has {a} {T}, another one {b} fewer. How many are in both?',
      '{N} has {a} {T}, {b} more than {M}. How many do both have [together|]?',
    ],
  },
  {
    steps: 'a * b, a + r1',
    wordings: [
      '{N} has {a} {T}. {M} has {b} times as many. How many {T} do they have [together|in all|in total]?',
      '{N} [found|made|ate] {a} {T}, and {M} {b} times as many. How many is that together?',
      'On Monday {N} [sold|read|made] {a} {T}, on Tuesday {b} times as many. How many in the two days?',
      'A {K} box has {a} {T} and a {L} box {b} times as many. How many are in both?',
    ],
  },
  {
    steps: 'a * 2, a + r1',
    wordings: [
      '{N} has {a} {T}. {M} has twice as many. How many do they have together?',
      '{N} [made|sold|read] {a} {T} [yesterday|last week] and twice as many [today|this week]. How many is that in all?',
    ],
  },
  {
    steps: 'a / 2, a + r1',
    wordings: [
      '{N} has {a} {T}. {M} has half as many. How many do they have together?',
      '{N} [made|sold|read] {a} {T} [yesterday|last week] and half as many [today|this week]. How many is that in all?',
    ],
  },
  {
    steps: 'a + b, r1 - c',
    wordings: [
      '{N} has {a} {T}. {M} has {b} more than {N}. {O} has {c} fewer than {M}. How many does {O} have?',
      '{N} made {a} {T} on Monday, {b} more on Tuesday than on Monday, and {c} fewer on Sunday than on Tuesday. How many on Sunday?',
    ],
  },
  {
    steps: 'a + b, r1 + c',
    wordings: [
      '{N} has {a} {T}. {M} has {b} more than {N}. {O} has {c} more than {M}. How many does {O} have?',
      '{N} has {a} {T}, {M} has {b} and {O} has {c}. How many do they have together?',
      '{N} has {a} {K}, {b} {L} and {c} [other|] {T}. How many [{T}|] is that?',
      'There are {a} {T} in the first box, {b} in the second, {c} in the third. How many in all?',
      '{N} is {a} years old. {M} is {b} years older. How old will {M} be in {c} years?',
      '{N}, {M} and {O} [find|bring|buy] {a}, {b} and {c} {T}. How many [{T}|] are there?',
    ],
  },
  {
    steps: 'a - b, r1 + c',
    wordings: [
      '{N} has {a} {T}. {M} has {b} fewer than {N}. {O} has {c} more than {M}. How many does {O} have?',
      '{N} is {a} years old. {M} is {b} years younger. How old will {M} be in {c} years?',
    ],
  },
  {
    steps: 'a * b, r1 + c',
    wordings: [
      '{N} has {a} {T}. {M} has {b} times as many. {O} has {c} more than {M}. How many does {O} have?',
      '{N} has {a} {C} of {b} {T} and {c} [more|single] {T}. How many {T} is that?',
      'There are {a} full {C} with {b} {T} each, and {c} more {T}. How many {T} are there [in all|]?',
      '{N} buys {a} {T} for {b} dollars each and a book for {c} dollars. How much does {N} pay?',
    ],
  },
  {
    steps: 'a * b, r1 - c',
    wordings: [
      '{N} has {a} {T}. {M} has {b} times as many. {O} has {c} fewer than {M}. How many does {O} have?',
      '{N} has {a} {C} of {b} {T}. {c} [of the {T}|] are [broken|bad|lost]. How many are [good|left|not]?',
      '{a} {C} can hold {b} {T} each. There are {c} {T} in them. How many more [can be put in|fit]?',
      '{N} sells {a} {T} for {b} dollars each and then spends {c} dollars. How many dollars are left?',
      '{N} [makes|earns|saves] {b} dollars a day for {a} days and spends {c}. How much [is left|does {N} have]?',
      'A room has {a} rows of {b} chairs. {c} people sit [down|]. How many chairs are [free|empty]?',
    ],
  },
]

const parts: readonly StoryFamily[] = [
  {
    steps: 'a - b',
    wordings: [
      '{N} has {a} {T}. {b} are {K}, the rest are {L}. How many are {L}?',
      'Of {a} {T}, {b} are {K}. How many are not?',
      'There are {a} {F}. {b} of them are [tired|hungry|at home]. How many are not?',
      'A bag can hold {a} {T}. There are {b} in it. How many more [can it hold|will go in]?',
      '{N} needs {a} {T} and has {b}. How many [more|] does {N} [need|still need]?',
      '{N} wants {a} {T}. {he} has {b} [so far|already]. How many are missing?',
      '{N} had {a} {T}. Now {N} has {b}. How many [did {N} lose|are gone|went away]?',
      '{N} had {b} {T}. [After a while|Now] {N} has {a}. How many did {N} get?',
      '{N} had {b} {T}, and {M} gave {N} some more. Now {N} has {a}. How many did {M} give?',
      '{N} had some {T}. {N} got {b} more and now has {a}. How many did {N} have [at first|before]?',
      'Some {T} are {P}. {b} more are brought, so there are {a}. How many were there [at first|before]?',
      'Together {N} and {M} have {a} {T}. {N} has {b}. How many does {M} have?',
      'A book has {a} pages. {N} has read {b}. How many pages are left [to read|]?',
      '{a} {F} [ran|played|came]. {b} [went home|stopped early]. How many [stayed|went on]?',
      'A trip is {a} miles. After {b} miles {N} rests. How many miles are left?',
      'The price was {a} dollars. It is now {b} dollars. By how much did it fall?',
    ],
  },
  {
    steps: 'a + b',
    wordings: [
      '{N} had some {T}. {he} lost {b} and has {a} left. How many did {N} have [at first|before]?',
      '{N} gave {b} {T} to {M} and has {a} left. How many did {N} have before?',
      'Some {T} were {P}. {b} were [taken|sold|eaten], and {a} are left. How many were there [at first|before]?',
      '{N} has {a} {T} and {M} has {b}. How many [{T}|] do they have [together|in all|in total|altogether]?',
      '{N} [made|found|ate|sold] {a} {T}. {M} [made|found|ate|sold] {b}. How many is that together?',
      '{a} {K} {T} and {b} {L} {T} [are|lie] {P}. How many {T} are {P}?',
      'How many are {a} {T} and {b} {T}?',
      'A [hat|toy|book] costs {a} dollars and a [cake|pen|lamp] costs {b} dollars. What do both cost?',
      'A [hat|toy|book] costs {a} dollars, a [cake|pen|lamp] {b} dollars more. What does the second cost?',
      '{N} paid {b} dollars and has {a} dollars left. How much did {N} have [at first|before]?',
      '{a} {F} came first, {b} came later. How many came?',
    ],
  },
  {
    steps: 'a + b, c - r1',
    wordings: [
      'Of {c} {T}, {a} are {K}, {b} are {L}. How many are neither?',
      '{N} has {c} {T}: {a} {K}, {b} {L}, the rest {P}. How many are {P}?',
      '{N} has {c} dollars and buys a hat for {a} dollars and a toy for {b} dollars. How much is left?',
      '{N} wants {c} {T}. {he} gets {a} from {M} and {b} from {O}. How many are still missing?',
      '{N} needs {c} {T}. {he} has {a} and finds {b}. How many more does {N} need?',
      'Of {c} {F}, {a} [sing|swim] and {b} [read|dance]. The others sleep. How many sleep?',
    ],
  },
  {
    steps: 'a + b, r1 / c',
    wordings: [
      '{N} has {a} {K} and {b} {L} {T} and [puts|sorts] them into {c} equal {C}. How many are in each?',
      '{N} has {a} {T}, {M} has {b}. They share them among {c} {F}. How many does each get?',
    ],
  },
  {
    steps: 'a + b, r1 * c',
    wordings: [
      '{N} [sells|buys] {a} {K} and {b} {L} {T} for {c} dollars each. How many dollars is that?',
      '{a} boys and {b} girls bring {c} {T} each. How many {T} is that?',
      'A [hat|toy|pen] costs {a} dollars and a [cup|cake|book] {b} dollars. What do {c} of both cost?',
    ],
  },
  {
    steps: 'a - b, r1 * c',
    wordings: [
      '{N} has {a} {T}, loses {b}, and sells the rest for {c} dollars each. How many dollars [is|are] that?',
      'Of {a} {F} {b} go home. The others get {c} {T} each. How many {T} is that?',
    ],
  },
  {
    steps: 'a - b, r1 / c',
    wordings: [
      '{N} has {a} {T}, keeps {b} and shares the rest among {c} {F}. How many does each get?',
      '{N} has {a} {T}. {b} are bad. The good ones go into {c} equal {C}. How many are in each?',
    ],
  },
]

const groups: readonly StoryFamily[] = [
  {
    steps: 'a * b',
    wordings: [
      '{N} has {a} {C} with {b} {T} each. How many {T} is that?',
      'How many {T} are in {a} {C} of {b} [{T}|]?',
      'One [ticket|hat|cake|pen] costs {b} dollars. What do {a} [of them|] cost?',
      'A [toy|cup|book] is {b} dollars. {N} buys {a} [of them|]. How much does {N} pay?',
      '{a} {F} eat {b} {T} each. How many {T} do they eat?',
      '{N} can make {b} {T} in an hour. How many can {N} make in {a} hours?',
      'A [cat|cow|dog] eats {b} pounds a day. How many pounds in {a} days?',
      'A week has {b} days of work. How many days are that in {a} weeks?',
      'A game takes {b} minutes. How long do {a} games take?',
      'Each of {a} {F} has {b} {T}. How many {T} do they have?',
      'If one box holds {b} {T}, how many do {a} boxes hold?',
    ],
  },
  {
    steps: 'a / b',
    wordings: [
      '{a} {T} are shared [equally|fairly] by {b} {F}. How many does each [get|have]?',
      '{N} puts {a} {T} into {b} equal {C}. How many are in each?',
      '{N} puts {a} {T} into {C} of {b}. How many {C} [does {N} need|are there]?',
      '{a} {T} stand in {b} equal rows. How many are in a row?',
      'How many {C} of {b} {T} can {N} make from {a} {T}?',
      '{N} has {a} dollars. A [toy|ticket|pen] costs {b} dollars. How many can {N} buy?',
      '{b} [hats|cups|toys] cost {a} dollars. What does one [cost|] ?',
      '{N} reads {b} pages a day. How many days are {a} pages?',
      '{a} {F} [make|form] teams of {b}. How many teams [are there|]?',
      'A [board|ribbon] of {a} feet is cut into pieces of {b} feet. How many pieces is that?',
      'A [board|ribbon] of {a} feet is cut into {b} equal pieces. How long is each?',
    ],
  },
  {
    steps: 'a * b, c - r1',
    wordings: [
      'There are {c} {T}. {a} {F} [get|use|eat|take] {b} each. How many are left?',
      '{N} has {c} {T} and gives {b} to each of {a} {F}. How many {T} [are left|does {N} keep]?',
      '{N} has {c} dollars and buys {a} {T} for {b} dollars each. How much is left?',
      '{N} has {c} dollars. {he} pays {b} dollars for each of {a} {T}. How many dollars remain?',
      '{N} needs {c} {T} and has {a} {C} of {b}. How many more does {N} need?',
      'A book has {c} pages. {N} reads {b} a day for {a} days. How many pages are left?',
      '{N} fills {a} {C} with {b} {T} each. {he} had {c} {T}. How many are not in {C}?',
      'A hall has {c} seats. {a} groups of {b} sit down. How many seats are free?',
      '{N} pays for {a} cups at {b} dollars with {c} dollars. How much does {N} get back?',
    ],
  },
  {
    steps: 'a / b, r1 * c',
    wordings: [
      '{b} [hats|cups|toys] cost {a} dollars. What do {c} cost?',
      '{b} {C} hold {a} {T}. How many {T} do {c} {C} hold?',
      '{N} makes {a} {T} in {b} hours. How many in {c} hours?',
    ],
  },
  {
    steps: 'a / b, r1 + c',
    wordings: [
      '{b} {F} share {a} {T} equally. One of them then [gets|finds] {c} more. How many does that one have?',
      '{N} gets one of {b} equal parts of {a} {T}. {he} already had {c}. How many does {N} have?',
    ],
  },
  {
    steps: 'a / b, r1 - c',
    wordings: [
      '{b} {F} share {a} {T} equally. One of them then [loses|eats] {c}. How many does that one have?',
      '{N} gets one of {b} equal parts of {a} {T} and gives {c} away. How many does {N} have?',
    ],
  },
  {
    steps: 'a * b, c * d, r1 + r2',
    wordings: [
      '{N} has {a} {C} of {b} {T} and {c} {C} of {d} {T}. How many {T} is that?',
      '{N} buys {a} hats for {b} dollars each and {c} toys for {d} dollars each. How much does {N} pay?',
      '{a} {K} {C} hold {b} {T} each, {c} {L} ones {d} each. How many {T} are there in all?',
      '{a} {F} have {b} {T} each and {c} others have {d} each. How many {T} do they have together?',
    ],
  },
]

/** Bare numbers in words, which teach what the words of calculations mean. */
const plain: readonly StoryFamily[] = [
  {
    steps: 'a + b',
    wordings: [
      'What is {b} more than {a}?',
      'Add {a} and {b}.',
      'What is {a} plus {b}?',
      'What is the sum of {a} and {b}?',
    ],
  },
  {
    steps: 'a - b',
    wordings: [
      'What is {b} less than {a}?',
      'Take {b} from {a}.',
      'What is {a} minus {b}?',
      'How much more is {a} than {b}?',
    ],
  },
  { steps: 'a * b', wordings: ['What is {a} times {b}?', 'What is the product of {a} and {b}?'] },
  { steps: 'a * 2', wordings: ['What is twice {a}?', 'Double {a}.'] },
  { steps: 'a / b', wordings: ['What is {a} divided by {b}?', 'Divide {a} by {b}.'] },
  { steps: 'a / 2', wordings: ['What is half of {a}?', 'Halve {a}.'] },
  {
    steps: 'a + b, r1 - c',
    wordings: ['Add {b} to {a} and take {c} away.', 'Start with {a}, add {b}, then take away {c}.'],
  },
  {
    steps: 'a - b, r1 + c',
    wordings: ['Take {b} from {a} and add {c}.', 'Start with {a}, take away {b}, then add {c}.'],
  },
  { steps: 'a * 2, r1 + b', wordings: ['Double {a} and add {b}.'] },
  { steps: 'a * 2, r1 - b', wordings: ['Double {a} and take {b} away.'] },
  { steps: 'a * b, r1 + c', wordings: ['Multiply {a} by {b} and add {c}.'] },
]

/** How a story of events ends with a product of its number and {b}. */
export const productEndings: readonly string[] = [
  'Each [one|] costs {b} dollars. How [much|many dollars] [do they cost|is that] [in all|]?',
  'Every one [weighs|is] {b} pounds. How many pounds is that?',
  '{N} pays {b} dollars for each. How much does {N} pay?',
  '{N} sells [them|them all|all of them] for {b} dollars each. How much [money|] does {N} [get|make|earn]?',
  '{N} gets {b} dollars for [each|every one]. How many dollars [is|are] that?',
  'Each of them needs {b} nails. How many nails is that?',
  'Each has {b} parts. How many parts are there?',
  'Each takes {b} minutes. How many minutes does it take?',
  'What do they cost at {b} dollars each?',
  '{M} has {b} times as many. How many does {M} have?',
  'Every one of them brings {b} {C}. How many {C} is that?',
  'At {b} dollars [apiece|each], what is the price of all?',
  'How many dollars are they worth if one is worth {b}?',
]

/** How it ends with the number divided by {b}. */
export const quotientEndings: readonly string[] = [
  '{N} puts them into {b} equal [bags|boxes|rows|groups|piles]. How many are in each?',
  '{b} {F} share them [equally|fairly|evenly]. How many does each get?',
  'They are shared [equally|fairly] among {b} {F}. How many does each [get|have]?',
  '{N} [splits|divides|sorts] them into {b} equal [parts|groups|stacks]. How many are in one?',
  '{N} packs them into {C} of {b}. How many {C} [are needed|are there|does {N} fill]?',
  'They stand in {b} equal rows. How many are in a row?',
  '{N} gives them to {b} {F}, the same number to each. How many does one get?',
  'With {b} in a box, how many boxes are needed?',
  'They go into {b} {C}, as many in each. How many are in each?',
  '{N} uses {b} each day. For how many days is that enough?',
  'How many groups of {b} do they make?',
  'If {b} {F} take equal shares, how many has each?',
]

/** Sentences without numbers that change nothing. */
export const asides: readonly string[] = [
  '{N} [likes|loves|wants|needs] {T}.',
  'It is a [sunny|rainy|cold|warm|long] day.',
  '{N} and {M} are [friends|neighbors|in the same class].',
  '{N} goes to the [park|market|school|shop].',
  '{M} is happy [about it|].',
  'The {T} are [very|] [nice|good|small|big].',
  '{N} lives near {M}.',
  '{M} watches.',
]

/** All families with how often each kind is drawn. */
export const storyFamilies = { comparisons, parts, groups, plain } as const satisfies Record<
  string,
  readonly StoryFamily[]
>
